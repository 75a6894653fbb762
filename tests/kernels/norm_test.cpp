// SPDX-License-Identifier: Apache-2.0
/// Normalised rows against the definition: both kinds, with and without weights and biases, weights of heads
/// of their own, by themselves and on the way into a product.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "weights.h"

namespace rw {
namespace {

constexpr NormKind kKinds[] = {NormKind::kRms, NormKind::kLayer};

bool same_bits(const float* a, const float* b, std::size_t n) {
  return std::memcmp(a, b, n * sizeof(float)) == 0;
}

std::vector<float> normed(const Backend& backend, const std::vector<float>& x, Index dim, const Norm& norm) {
  std::vector<float> y(x.size());
  const Index n_rows = static_cast<Index>(x.size() - 1) / dim;  // one float off: rows need no alignment
  backend.norm(x.data() + 1, n_rows, dim, norm, y.data() + 1);
  return y;
}

TEST(Norm, EqualsTheDefinition) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kF32);
  for (NormKind kind : kKinds)
    for (Index dim : {1, 3, 4, 5, 15, 16, 17, 64, 80, 576, 4100})
      for (float size : {1.0f, 1e-4f, 1e4f})
        for (int given = 0; given < 4; ++given)
          for (Index n_weights : {1, 3}) {
            const auto x = numbers(7 * dim + 1, 7, size), weight = numbers(n_weights * dim + 1, 9),
                       bias = numbers(n_weights * dim + 1, 8);
            const Norm norm{.kind = kind,
                            .weight = given % 2 != 0 ? weight.data() + 1 : nullptr,
                            .bias = given / 2 != 0 ? bias.data() + 1 : nullptr,
                            .eps = 1e-5f,
                            .n_weights = n_weights};
            const auto a = normed(*backend, x, dim, norm), b = normed(*reference, x, dim, norm);
            // Three roundings (scale, x scale, x weight) and the definition's own, each of relative 2^-24;
            // sums of n / 16 squares in each lane stray by the root of it. A bias adds a rounding of the sum,
            // and behind a mean come those of x - mean, which are of the row's largest.
            double largest = 0;
            for (float v : a) largest = std::max(largest, static_cast<double>(std::abs(v)));
            const double of_row = kind == NormKind::kLayer || given / 2 != 0 ? 4 * 0x1p-24 * largest : 0;
            const double unit = (4 + std::sqrt(static_cast<double>(dim)) / 8) * 0x1p-24;
            for (std::size_t i = 0; i < a.size(); ++i)
              ASSERT_NEAR(a[i], b[i], unit * std::abs(b[i]) + of_row + 1e-30)
                  << dim << " " << size << " " << given << " of " << n_weights;
            auto in_place = x;
            backend->norm(in_place.data() + 1, 7, dim, norm, in_place.data() + 1);
            ASSERT_TRUE(same_bits(in_place.data() + 1, a.data() + 1, a.size() - 1));
          }
}

/// Heads of one position stand one after the other: row r takes weights r % n_weights.
TEST(Norm, EachHeadHasWeightsOfItsOwn) {
  const auto backend = make_cpu_backend(Precision::kF32);
  constexpr Index kHeads = 5, kDim = 48, kPositions = 20;
  const auto x = numbers(kPositions * kHeads * kDim, 1), weight = numbers(kHeads * kDim, 2);
  for (NormKind kind : kKinds) {
    std::vector<float> all(x.size()), alone(x.size());
    backend->norm(x.data(), kPositions * kHeads, kDim,
                  {.kind = kind, .weight = weight.data(), .eps = 1e-6f, .n_weights = kHeads}, all.data());
    for (Index row = 0; row < kPositions * kHeads; ++row)
      backend->norm(x.data() + row * kDim, 1, kDim,
                    {.kind = kind, .weight = weight.data() + row % kHeads * kDim, .eps = 1e-6f},
                    alone.data() + row * kDim);
    EXPECT_TRUE(same_bits(all.data(), alone.data(), all.size()));
  }
}

/// A mean that is 10,000 times the deviation leaves the deviation's digits: x holds 24 bits, the mean
/// takes 14.
TEST(Norm, ALayerFarFromZeroKeepsItsDigits) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kF32);
  for (Index dim : {576, 4096, 16384}) {
    auto x = numbers(dim + 1, 3);
    for (float& v : x) v += 10000;
    const Norm norm{.kind = NormKind::kLayer, .eps = 1e-5f};
    const auto a = normed(*backend, x, dim, norm), b = normed(*reference, x, dim, norm);
    EXPECT_LT(relative_error(a, b), 1e-6) << dim;
  }
}

TEST(Norm, BitsDependOnTheRowAlone) {
  const auto backend = make_cpu_backend(Precision::kBf16);
  constexpr Index kDim = 70, kRows = 100;
  const auto x = numbers(kRows * kDim, 1), weight = numbers(kDim, 2);
  for (NormKind kind : kKinds) {
    const Norm norm{.kind = kind, .weight = weight.data(), .bias = weight.data(), .eps = 1e-5f};
    std::vector<float> whole(x.size()), alone(x.size());
    backend->norm(x.data(), kRows, kDim, norm, whole.data());
    for (Index row = 0; row < kRows; ++row)
      backend->norm(x.data() + row * kDim, 1, kDim, norm, alone.data() + row * kDim);
    EXPECT_TRUE(same_bits(whole.data(), alone.data(), whole.size()));
    for (int n : {1, 3, 16}) {
      backend->context()->set_threads(n);
      backend->norm(x.data(), kRows, kDim, norm, alone.data());
      backend->context()->set_threads(0);
      EXPECT_TRUE(same_bits(whole.data(), alone.data(), whole.size()));
    }
  }
}

TEST(Norm, WhatIsNotFiniteShowsInItsRowAndNoOther) {
  constexpr Index kDim = 48, kRows = 40;
  const auto weight = numbers(kDim, 4);
  const auto backend = make_cpu_backend(Precision::kF32);
  for (NormKind kind : kKinds)
    for (float bad : {std::bit_cast<float>(0x7fc00000u), std::bit_cast<float>(0xffffffffu),
                      std::bit_cast<float>(0x7f800001u), INFINITY, -INFINITY}) {
      auto x = numbers(kRows * kDim, 3);
      x[7 * kDim + 31] = bad;
      std::vector<float> y(x.size());
      backend->norm(x.data(), kRows, kDim,
                    {.kind = kind, .weight = weight.data(), .bias = weight.data(), .eps = 1e-5f}, y.data());
      for (Index row = 0; row < kRows; ++row) {
        bool any = false;
        for (Index d = 0; d < kDim; ++d)
          any = any || !std::isfinite(y[static_cast<std::size_t>(row * kDim + d)]);
        ASSERT_EQ(any, row == 7) << bad;
      }
    }
}

/// Rows that are normalised on their way into a product are the rows that norm() makes.
TEST(Norm, OnTheWayIntoAProductIsTheSame) {
  constexpr Index kIn = 96, kOut = 50, kRows = 37;
  const auto x = numbers(kRows * kIn, 1), weight = numbers(kIn, 2), bias = numbers(kIn, 3);
  const TestWeights w(numbers(kOut * kIn, 4), kOut, kIn);
  for (Precision precision : {Precision::kF32, Precision::kBf16}) {
    const auto backend = make_cpu_backend(precision);
    const auto matrix = backend->make_matrix(w.rows());
    for (NormKind kind : kKinds) {
      const Norm norm{.kind = kind, .weight = weight.data(), .bias = bias.data(), .eps = 1e-5f};
      std::vector<float> rows(x.size()), a(kRows * kOut), b(kRows * kOut);
      backend->norm(x.data(), kRows, kIn, norm, rows.data());
      for (Stage stage : {Stage::kPrefill, Stage::kDecode}) {
        const Output fused{.w = matrix.get(), .y = a.data()}, after{.w = matrix.get(), .y = b.data()};
        backend->linear({.x = x.data(), .n_rows = kRows, .norm = &norm}, {&fused, 1}, stage);
        backend->linear({.x = rows.data(), .n_rows = kRows}, {&after, 1}, stage);
        EXPECT_TRUE(same_bits(a.data(), b.data(), a.size()));
      }
    }
  }
}

}  // namespace
}  // namespace rw
