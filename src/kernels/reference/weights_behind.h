// SPDX-License-Identifier: Apache-2.0
/// The product of a query and a key with weights behind their rotation, by its definition.
#pragma once
#include <cmath>

#include "core/attention_plan.h"

namespace rw {

/// The sum over d of w[d] (R_theta(at) q)[d] (R_theta(at - delta) k)[d]: with weights behind the rotation it
/// is not of the distance alone.
inline double weighted_product(const float* q, const double* k, const float* w, int head_dim,
                               const Pointwise& p, double at, double delta) {
  const std::size_t half = p.theta.size();
  double rotated = 0, passed = 0;
  for (std::size_t m = 0; m < half; ++m) {
    const double c = std::cos(at * p.theta[m]), s = std::sin(at * p.theta[m]);
    const double key_c = std::cos((at - delta) * p.theta[m]), key_s = std::sin((at - delta) * p.theta[m]);
    const double x = static_cast<double>(q[m]), y = static_cast<double>(q[m + half]);
    rotated += static_cast<double>(w[m]) * (x * c - y * s) * (k[m] * key_c - k[m + half] * key_s) +
               static_cast<double>(w[m + half]) * (x * s + y * c) * (k[m] * key_s + k[m + half] * key_c);
  }
  for (std::size_t m = 2 * half; m < static_cast<std::size_t>(head_dim); ++m)
    passed += static_cast<double>(w[m]) * static_cast<double>(q[m]) * k[m];
  return p.rotary_gain * rotated + passed;
}

}  // namespace rw
