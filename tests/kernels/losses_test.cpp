// SPDX-License-Identifier: Apache-2.0
/// log_sum_exp, of which losses are made, against its definition.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "kernels/kernels.h"
#include "weights.h"

namespace rw {
namespace {

std::vector<double> log_sum_exp(const Backend& backend, const std::vector<float>& x, Index n) {
  std::vector<double> y(x.size() / static_cast<std::size_t>(n));
  backend.log_sum_exp(x.data(), static_cast<Index>(y.size()), n, y.data());
  return y;
}

TEST(LogSumExp, EqualsTheDefinition) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kBf16);
  for (Index n : {1, 2, 15, 16, 17, 63, 64, 65, 1000, 1024, 1025, 49152, 152064}) {
    for (float size : {0.0f, 0.01f, 1.0f, 5.0f, 100.0f}) {
      for (float shift : {0.0f, 30.0f, -1000.0f}) {
        auto x = numbers(2 * n, static_cast<unsigned>(n), size);
        for (float& each : x) each += shift;
        const auto expected = log_sum_exp(*reference, x, n), got = log_sum_exp(*backend, x, n);
        // e^z errs by 2^-23 |z| for the near terms, and sums of up to 64 floats by some 2^-22: in logarithms
        // that is absolute. Terms are weighted, and z of those that count is 20 at most.
        for (std::size_t row = 0; row < 2; ++row)
          EXPECT_NEAR(got[row], expected[row], 1e-6) << n << " " << size << " " << shift;
      }
    }
  }
}

TEST(LogSumExp, WhatIsNotANumberIsNotHidden) {
  const auto backend = make_cpu_backend(Precision::kBf16);
  for (Index n : {1, 16, 70, 1500})
    for (Index at : {Index{0}, n / 2, n - 1})
      for (float bad : {std::bit_cast<float>(0x7fc00000u), std::bit_cast<float>(0xffffffffu), INFINITY}) {
        auto x = numbers(3 * n, 5);
        x[static_cast<std::size_t>(n + at)] = bad;
        const auto y = log_sum_exp(*backend, x, n);
        EXPECT_TRUE(std::isfinite(y[0]) && std::isnan(y[1]) && std::isfinite(y[2])) << n << " " << at;
      }
  std::vector<float> some(100, -INFINITY);
  EXPECT_TRUE(std::isnan(log_sum_exp(*backend, some, 100)[0]));
  some[77] = 3;  // the others are impossible, not wrong
  EXPECT_EQ(log_sum_exp(*backend, some, 100)[0], 3);
}

TEST(LogSumExp, BitsDependOnTheRowAlone) {
  const auto backend = make_cpu_backend(Precision::kBf16);
  constexpr Index kN = 1003, kRows = 40;
  const auto x = numbers(kRows * kN, 1, 3);
  const auto whole = log_sum_exp(*backend, x, kN);
  for (int n_threads : {1, 2, 3, 16}) {
    backend->context()->set_threads(n_threads);
    EXPECT_EQ(log_sum_exp(*backend, x, kN), whole);
  }
  for (Index row = 0; row < kRows; ++row) {
    double alone = 0;
    backend->log_sum_exp(x.data() + row * kN, 1, kN, &alone);
    EXPECT_EQ(alone, whole[static_cast<std::size_t>(row)]);
  }
}

}  // namespace
}  // namespace rw
