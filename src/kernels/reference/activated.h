// SPDX-License-Identifier: Apache-2.0
/// The activations and their derivatives, by their definition.
#pragma once
#include <cmath>

#include "core/error.h"
#include "kernels/kinds.h"

namespace rw {

inline double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGelu:
      return x * std::erfc(-x / std::sqrt(2.0)) / 2;
    case Activation::kGeluTanh:
      // x (1 + tanh(u)) / 2, without the difference of two numbers that are nearly 1
      return x / (1 + std::exp(-2 * std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case Activation::kRelu2:
      return x <= 0 ? 0 : x * x;  // NaN stays
    case Activation::kRelu:
      return x <= 0 ? 0 : x;
    case Activation::kSwigluClamped: {
      const double g = x > 7 ? 7 : x;
      return g / (1 + std::exp(-1.702 * g));
    }
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kIdentity:
      return x;
  }
  RW_CHECK(false);
}

/// What stands between the products of a gated feed-forward part.
inline double gated(Activation activation, double gate, double up) {
  if (activation == Activation::kSwigluClamped) up = (up > 7 ? 7 : up < -7 ? -7 : up) + 1;
  return activated(activation, gate) * up;
}

/// d activated / dx; of kRelu at 0 it is 0, as in PyTorch.
inline double activated_slope(Activation activation, double x) {
  const double pi = std::acos(-1.0);
  switch (activation) {
    case Activation::kSilu: {
      const double s = 1 / (1 + std::exp(-x));
      return s + x * s / (1 + std::exp(x));
    }
    case Activation::kGelu:
      return std::erfc(-x / std::sqrt(2.0)) / 2 + x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
    case Activation::kGeluTanh: {
      const double root = std::sqrt(2 / pi), u = root * (x + 0.044715 * x * x * x);
      const double s = 1 / (1 + std::exp(-2 * u)), rest = 1 / (1 + std::exp(2 * u));
      return s + 2 * x * s * rest * root * (1 + 3 * 0.044715 * x * x);
    }
    case Activation::kRelu2:
      return x <= 0 ? 0 : 2 * x;
    case Activation::kRelu:
      return x <= 0 ? 0 : std::isnan(x) ? x : 1;
    case Activation::kSigmoid: {
      const double s = 1 / (1 + std::exp(-x));
      return s / (1 + std::exp(x));
    }
    case Activation::kIdentity:
      return 1;
    case Activation::kSwigluClamped:
      break;  // not trained
  }
  RW_CHECK(false);
}

}  // namespace rw
