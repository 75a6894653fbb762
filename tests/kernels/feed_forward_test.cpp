// SPDX-License-Identifier: Apache-2.0
/// Feed-forward layers against the definition: every activation over the whole range of floats, gated or not,
/// with and without biases, added or not, on every stage and precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "weights.h"

namespace rw {
namespace {

constexpr Activation kAll[] = {Activation::kSilu,  Activation::kGelu, Activation::kGeluTanh,
                               Activation::kRelu2, Activation::kRelu, Activation::kSwigluClamped};
constexpr Stage kStages[] = {Stage::kPrefill, Stage::kDecode};
constexpr Precision kPrecisions[] = {Precision::kBf16, Precision::kF32};

bool same_bits(const std::vector<float>& a, const float* b) {
  return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0;
}

double definition(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGelu:
      return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Activation::kGeluTanh: {
      const double u = std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
      return u < 0 ? x / (1 + std::exp(-2 * u)) : 0.5 * x * (1 + std::tanh(u));
    }
    case Activation::kRelu2:
      return x > 0 ? x * x : 0;
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kSwigluClamped:
      return std::min(x, 7.0) / (1 + std::exp(-1.702 * std::min(x, 7.0)));
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kIdentity:
      return x;
  }
  return NAN;
}

/// What a gated part multiplies it with.
double factor(Activation activation, double up) {
  return activation == Activation::kSwigluClamped ? std::clamp(up, -7.0, 7.0) + 1 : up;
}

/// Floats of every exponent and sign, some in each; and densely where the functions bend.
std::vector<float> whole_range() {
  std::vector<float> x{0.0f, -0.0f};
  for (int exponent = -149; exponent < 128; ++exponent)
    for (float mantissa : {1.0f, 1.1f, 1.37f, 1.6f, 1.999f})
      for (float sign : {1.0f, -1.0f}) x.push_back(sign * std::ldexp(mantissa, exponent));
  for (int i = -15000; i <= 15000; ++i) x.push_back(static_cast<float>(i) * 1e-3f);
  return x;
}

/// Rows of one number through weights of 1: y = act(x), or act(x) x where gated.
std::vector<float> activated(const Backend& backend, Activation activation, bool gated,
                             const std::vector<float>& x, Stage stage) {
  const TestWeights weights({1.0f}, 1, 1);
  const auto w = backend.make_matrix(weights.rows());
  std::vector<float> y(x.size(), 5.0f);
  backend.feed_forward(
      {.x = x.data(), .n_rows = static_cast<Index>(x.size())},
      {.gate = gated ? w.get() : nullptr, .up = w.get(), .down = w.get(), .activation = activation}, y.data(),
      false, stage);
  return y;
}

TEST(Activation, EqualsTheDefinitionOverTheWholeRange) {
  const auto backend = make_cpu_backend(Precision::kF32), reference = make_reference_backend();
  for (Activation activation : kAll)
    for (bool gated : {false, true}) {
      double worst = 0, worst_far = 0;
      for (const Backend* b : {backend.get(), reference.get()})
        for (Stage stage : kStages) {
          const auto x = whole_range(), y = activated(*b, activation, gated, x, stage);
          for (std::size_t i = 0; i < x.size(); ++i) {
            const double at = static_cast<double>(x[i]),
                         right = definition(activation, at) * (gated ? factor(activation, at) : 1);
            if (std::abs(right) > 3e38) continue;  // beyond floats
            // SiLU cuts e^-x at 2^127: what is left of a number below -1e30 is no number of a model.
            if ((activation == Activation::kSilu || activation == Activation::kSwigluClamped) && at < -1e30)
              continue;
            const double error = std::abs(static_cast<double>(y[i]) - right);
            const double unit = gated ? std::max(1.0, std::abs(at)) : 1;
            ASSERT_LE(error, std::max(2e-6 * std::abs(right), 2e-7 * unit))
                << at << " activation " << static_cast<int>(activation);
            if (b == reference.get()) continue;
            if (std::abs(right) > 0.1)
              worst = std::max(worst, error / std::abs(right));
            else
              worst_far = std::max(worst_far, error / unit);
          }
        }
      std::printf("activation %d%s: relative %.2g above 0.1, absolute %.2g below\n",
                  static_cast<int>(activation), gated ? " gated" : "", worst, worst_far);
    }
}

TEST(Activation, WhatIsNotFinite) {
  const auto backend = make_cpu_backend(Precision::kF32);
  const std::vector<float> x{INFINITY, -INFINITY, NAN, -NAN, 1};
  for (Activation activation : kAll)
    for (Stage stage : kStages) {
      const auto y = activated(*backend, activation, false, x, stage);
      EXPECT_TRUE(y[0] == INFINITY || activation == Activation::kSwigluClamped);
      if (activation == Activation::kRelu2 || activation == Activation::kRelu)
        EXPECT_EQ(y[1], 0);
      else
        EXPECT_FALSE(std::isfinite(y[1]));  // -infinity times 0
      EXPECT_TRUE(std::isnan(y[2]) && std::isnan(y[3]));
      EXPECT_NEAR(y[4], definition(activation, 1), 2e-6);
    }
}

struct Case {
  Activation activation;
  bool gated, biased, add;
};

std::vector<Case> cases() {
  std::vector<Case> result;
  for (Activation activation : kAll)
    for (bool gated : {true, false})
      for (int i = 0; i < 4; ++i) result.push_back({activation, gated, i % 2 != 0, i / 2 != 0});
  return result;
}

class Layer {
 public:
  Layer(Index n_in, Index d_ff)
      : n_in_(n_in),
        gate_(numbers(n_in * d_ff, 3, 0.2f), d_ff, n_in),
        up_(numbers(n_in * d_ff, 4, 0.2f), d_ff, n_in),
        down_(numbers(n_in * d_ff, 5, 0.1f), n_in, d_ff),
        bias_(numbers(3 * std::max(n_in, d_ff), 6)),
        weight_(numbers(n_in, 2)),
        x_(numbers(kRows * n_in, 1)) {}
  static constexpr Index kRows = 200;

  /// Rows [begin, begin + n), in place, as a layer does.
  std::vector<float> run(const Backend& backend, const Case& c, Index begin, Index n, Stage stage) const {
    const auto gate = backend.make_matrix(gate_.rows()), up = backend.make_matrix(up_.rows()),
               down = backend.make_matrix(down_.rows());
    const Norm norm{.weight = weight_.data(), .eps = 1e-5f};
    const auto width = static_cast<Index>(bias_.size()) / 3;
    std::vector<float> y(x_.begin() + begin * n_in_, x_.begin() + (begin + n) * n_in_);
    const FeedForward layer{.gate = c.gated ? gate.get() : nullptr,
                            .up = up.get(),
                            .down = down.get(),
                            .gate_bias = c.biased && c.gated ? bias_.data() : nullptr,
                            .up_bias = c.biased ? bias_.data() + width : nullptr,
                            .down_bias = c.biased ? bias_.data() + 2 * width : nullptr,
                            .activation = c.activation};
    backend.feed_forward({.x = y.data(), .n_rows = n, .norm = &norm}, layer, y.data(), c.add, stage);
    return y;
  }

 private:
  Index n_in_;
  TestWeights gate_, up_, down_;
  std::vector<float> bias_, weight_, x_;
};

TEST(FeedForward, EqualsTheDefinition) {
  const auto reference = make_reference_backend();
  for (const auto& [n_in, d_ff] : {std::pair<Index, Index>{64, 160}, {20, 37}}) {
    const Layer layer(n_in, d_ff);
    for (const Case& c : cases()) {
      const auto expected = layer.run(*reference, c, 0, Layer::kRows, Stage::kPrefill);
      for (Precision precision : kPrecisions) {
        const auto backend = make_cpu_backend(precision);
        for (Stage stage : kStages) {
          // x and the hidden layer round by 0.0016 in the mean square, and an activation makes more of the
          // first: twice as much where it squares, and gated the product of both.
          const double rounded = c.activation == Activation::kRelu2 ? 0.006 : 0.004;
          const double bound = precision == Precision::kF32 || stage == Stage::kDecode ? 1e-6 : rounded;
          EXPECT_LT(relative_error(layer.run(*backend, c, 0, Layer::kRows, stage), expected), bound)
              << backend->name() << " activation " << static_cast<int>(c.activation) << " gated " << c.gated
              << " biased " << c.biased << " add " << c.add;
        }
      }
    }
  }
}

TEST(FeedForward, BitsDoNotDependOnRowsOrThreads) {
  for (const auto& [n_in, d_ff] : {std::pair<Index, Index>{64, 160}, {20, 37}}) {
    const Layer layer(n_in, d_ff);
    for (const Case& c : cases()) {
      if (c.biased != c.add) continue;
      for (Precision precision : kPrecisions) {
        const auto backend = make_cpu_backend(precision);
        for (Stage stage : kStages) {
          const auto whole = layer.run(*backend, c, 0, Layer::kRows, stage);
          for (Index n : {1, 2, 7, 8, 95, 96, 97, 150}) {
            backend->context()->set_threads(n > 96 ? 64 : n % 2 == 0 ? 1 : 2);
            const auto part = layer.run(*backend, c, 50, n, stage);
            backend->context()->set_threads(0);
            ASSERT_TRUE(same_bits(part, whole.data() + 50 * n_in))
                << backend->name() << " activation " << static_cast<int>(c.activation) << " gated " << c.gated
                << " " << n << " rows";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace rw
