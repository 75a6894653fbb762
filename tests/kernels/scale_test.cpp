// SPDX-License-Identifier: Apache-2.0
/// What models multiply and bend numbers with: soft-caps, sums of multiples, products that are scaled on
/// their way.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "weights.h"

namespace rw {
namespace {

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Scale, ASoftCapEqualsTheDefinitionOverTheWholeRange) {
  const auto backend = make_cpu_backend(Precision::kF32), reference = make_reference_backend();
  std::vector<float> x{0.0f, -0.0f};
  for (int exponent = -149; exponent < 128; ++exponent)
    for (float mantissa : {1.0f, 1.1f, 1.37f, 1.6f, 1.999f})
      for (float sign : {1.0f, -1.0f}) x.push_back(sign * std::ldexp(mantissa, exponent));
  for (int i = -12000; i <= 12000; ++i) x.push_back(static_cast<float>(i) * 0.025f);
  for (float cap : {0.5f, 1.0f, 30.0f, 50.0f}) {
    auto got = x, expected = x;
    backend->soft_cap(got.data(), static_cast<Index>(got.size()), cap);
    reference->soft_cap(expected.data(), static_cast<Index>(expected.size()), cap);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double right =
          static_cast<double>(cap) * std::tanh(static_cast<double>(x[i]) / static_cast<double>(cap));
      // x / cap loses what lies below the smallest float.
      const double error = std::abs(static_cast<double>(got[i]) - right);
      ASSERT_LE(error, 1e-6 * std::abs(right) + std::max(1.0, static_cast<double>(cap)) * 0x1p-149)
          << x[i] << " cap " << cap;
      ASSERT_LE(std::abs(static_cast<double>(expected[i]) - right), 1e-7 * std::abs(right) + 0x1p-149);
      ASSERT_LE(std::abs(got[i]), cap);
      ASSERT_EQ(std::signbit(got[i]), std::signbit(x[i]));
      if (std::abs(right) > 1e-30) worst = std::max(worst, error / std::abs(right));
    }
    std::printf("cap %g: relative error %.2g\n", static_cast<double>(cap), worst);
  }
}

TEST(Scale, ASoftCapOfWhatIsNotFinite) {
  const auto backend = make_cpu_backend(Precision::kF32);
  for (std::size_t at : {0, 16, 20}) {
    std::vector<float> x(21, 1.0f);
    for (float bad : {NAN, -NAN}) {
      auto y = x;
      y[at] = bad;
      backend->soft_cap(y.data(), 21, 30);
      for (std::size_t i = 0; i < 21; ++i) EXPECT_EQ(std::isnan(y[i]), i == at);
    }
    x[at] = -INFINITY;
    backend->soft_cap(x.data(), 21, 30);
    EXPECT_NEAR(x[at], -30, 1e-4);
  }
}

TEST(Scale, SumsOfMultiples) {
  const auto backend = make_cpu_backend(Precision::kF32), reference = make_reference_backend();
  for (Index n : {1, 16, 17, 8191, 8192, 8193, 30000})
    for (float scale : {1.0f, 0.22f, -3.0f}) {
      const auto x = numbers(n, 1), y = numbers(n, 2);
      auto got = y, expected = y;
      backend->add_scaled(x.data(), n, scale, got.data());
      reference->add_scaled(x.data(), n, scale, expected.data());
      for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_NEAR(got[i], expected[i], 0x1p-23 * (std::abs(scale * x[i]) + std::abs(y[i])));
      auto times = y;
      backend->scale(times.data(), n, scale);
      for (std::size_t i = 0; i < times.size(); ++i) ASSERT_EQ(times[i], y[i] * scale);
      for (int n_threads : {1, 3}) {
        backend->context()->set_threads(n_threads);
        auto again = y;
        backend->add_scaled(x.data(), n, scale, again.data());
        backend->context()->set_threads(0);
        EXPECT_TRUE(same_bits(again, got));
      }
    }
}

/// scale (x W^T + bias), added or not, and the same bits as ever where it is 1.
TEST(Scale, AProductIsScaledBeforeItIsAdded) {
  const auto reference = make_reference_backend();
  for (const auto& [n_in, n_out] : {std::pair<Index, Index>{64, 80}, {37, 20}}) {
    constexpr Index kRows = 40;
    const TestWeights w(numbers(n_in * n_out, 1), n_out, n_in);
    const auto x = numbers(kRows * n_in, 2), bias = numbers(n_out, 3), before = numbers(kRows * n_out, 4);
    const auto run = [&](const Backend& backend, float scale, bool biased, bool add, Stage stage) {
      const auto matrix = backend.make_matrix(w.rows());
      auto y = before;
      const Output output{.w = matrix.get(),
                          .bias = biased ? bias.data() : nullptr,
                          .y = y.data(),
                          .add = add,
                          .scale = scale};
      backend.linear({.x = x.data(), .n_rows = kRows}, {&output, 1}, stage);
      return y;
    };
    for (Precision precision : {Precision::kF32, Precision::kBf16}) {
      const auto backend = make_cpu_backend(precision);
      for (Stage stage : {Stage::kPrefill, Stage::kDecode})
        for (bool biased : {false, true})
          for (bool add : {false, true})
            for (float scale : {0.22f, -2.0f})
              EXPECT_LT(relative_error(run(*backend, scale, biased, add, stage),
                                       run(*reference, scale, biased, add, stage)),
                        1e-6)
                  << backend->name() << " " << biased << add;
    }
  }
}

TEST(Scale, AFeedForwardLayerIsScaledBeforeItIsAdded) {
  constexpr Index kIn = 32, kFf = 48, kRows = 20;
  const TestWeights in(numbers(kIn * kFf, 1, 0.2f), kFf, kIn), out(numbers(kIn * kFf, 2, 0.2f), kIn, kFf);
  const auto x = numbers(kRows * kIn, 3), bias = numbers(kIn, 4);
  const auto run = [&](const Backend& backend, bool add, Stage stage) {
    const auto up = backend.make_matrix(in.rows()), down = backend.make_matrix(out.rows());
    auto y = x;
    backend.feed_forward(
        {.x = y.data(), .n_rows = kRows},
        {.gate = up.get(), .up = up.get(), .down = down.get(), .down_bias = bias.data(), .scale = 0.22f},
        y.data(), add, stage);
    return y;
  };
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kF32);
  for (Stage stage : {Stage::kPrefill, Stage::kDecode})
    for (bool add : {false, true})
      EXPECT_LT(relative_error(run(*backend, add, stage), run(*reference, add, stage)), 1e-6) << add;
}

}  // namespace
}  // namespace rw
