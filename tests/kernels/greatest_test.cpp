// SPDX-License-Identifier: Apache-2.0
/// The greatest numbers of rows against a sort: every length, equal numbers, infinities, NaN, orders that are
/// worst.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "weights.h"

namespace rw {
namespace {

struct Top {
  std::vector<Token> first, ids;
  std::vector<float> values;
};

/// Of the first n_choices of n (0: all).
Top top(const Backend& backend, const std::vector<float>& x, Index n, Index k, Index n_choices = 0) {
  if (n_choices == 0) n_choices = n;
  const auto n_rows = static_cast<Index>(x.size()) / n;
  Top result{std::vector<Token>(static_cast<std::size_t>(n_rows), 99),
             std::vector<Token>(static_cast<std::size_t>(n_rows * k), 99),
             std::vector<float>(static_cast<std::size_t>(n_rows * k), 99.0f)};
  backend.greatest(x.data(), n_rows, n, n_choices, result.first.data());
  backend.top_k(x.data(), n_rows, n, n_choices, k, result.ids.data(), result.values.data());
  return result;
}

/// Rows as the definition has them, and each greatest the first of its row's top.
void expect_definition(const std::vector<float>& x, Index n, Index k, const std::string& what) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kBf16);
  const Top expected = top(*reference, x, n, k), got = top(*backend, x, n, k);
  EXPECT_EQ(got.first, expected.first) << what;
  EXPECT_EQ(got.ids, expected.ids) << what;
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    if (std::isnan(expected.values[i]))
      EXPECT_TRUE(std::isnan(got.values[i])) << what;
    else
      EXPECT_EQ(got.values[i], expected.values[i]) << what;
  }
  for (std::size_t row = 0; row < got.first.size(); ++row)
    EXPECT_EQ(got.first[row], got.ids[row * static_cast<std::size_t>(k)]) << what;
}

TEST(Greatest, EqualsTheDefinition) {
  for (Index n : {1, 2, 15, 16, 17, 63, 64, 65, 129, 1000, 49152})
    for (Index k : {Index{1}, Index{2}, Index{40}, n}) {
      if (k > n || (k == n && n > 1000)) continue;
      expect_definition(numbers(3 * n, static_cast<unsigned>(n)), n, k, "normal " + std::to_string(n));
    }
}

TEST(Greatest, EqualNumbersStandByIndex) {
  for (Index n : {5, 64, 200, 1000})
    for (Index k : {Index{1}, Index{5}, n}) {
      auto x = numbers(2 * n, 1);
      for (float& v : x) v = std::round(v);  // some seven numbers
      expect_definition(x, n, k, "equal " + std::to_string(n));
      std::fill(x.begin(), x.end(), -3.0f);
      expect_definition(x, n, k, "all equal");
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 0.0f : -0.0f;
      expect_definition(x, n, k, "zeros of both signs");
    }
}

TEST(Greatest, OrdersThatAreWorst) {
  constexpr Index kN = 3000;
  std::vector<float> x(kN);
  for (Index i = 0; i < kN; ++i) x[static_cast<std::size_t>(i)] = static_cast<float>(i);
  expect_definition(x, kN, 50, "ascending");
  std::reverse(x.begin(), x.end());
  expect_definition(x, kN, 50, "descending");
}

TEST(Greatest, Infinities) {
  for (Index n : {1, 17, 64, 100}) {
    std::vector<float> x(static_cast<std::size_t>(n), -INFINITY);
    expect_definition(x, n, std::min<Index>(n, 3), "all impossible");
    x[static_cast<std::size_t>(n / 2)] = 1;
    expect_definition(x, n, std::min<Index>(n, 3), "one possible");
    x[static_cast<std::size_t>(n - 1)] = INFINITY;
    expect_definition(x, n, std::min<Index>(n, 3), "one infinite");
    x[static_cast<std::size_t>(n - 1)] = 3.4e38f;
    expect_definition(x, n, std::min<Index>(n, 3), "one huge");
  }
}

TEST(Greatest, ARowWithNaNHasNoneAndNoOtherRowKnows) {
  for (Index n : {1, 16, 64, 70, 1500})
    for (Index at : {Index{0}, n / 2, n - 1})
      for (std::uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xffffffffu})
        for (Index k : {Index{1}, std::min<Index>(n, 5), n}) {
          auto x = numbers(3 * n, 5);
          x[static_cast<std::size_t>(n + at)] = std::bit_cast<float>(bits);
          const Top t = top(*make_cpu_backend(Precision::kBf16), x, n, k);
          ASSERT_EQ(t.first[1], kNoToken);
          ASSERT_TRUE(t.first[0] >= 0 && t.first[2] >= 0);
          for (std::size_t i = static_cast<std::size_t>(k); i < static_cast<std::size_t>(2 * k); ++i)
            ASSERT_TRUE(t.ids[i] == kNoToken && std::isnan(t.values[i]));
          expect_definition(x, n, k, "NaN");
        }
}

TEST(Greatest, WhatIsNoChoiceIsNotRead) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kBf16);
  auto x = numbers(4 * 100, 3);
  const Top clean = top(*reference, x, 100, 5, 70);
  for (std::size_t row = 0; row < 4; ++row) x[row * 100 + 70] = row % 2 == 0 ? INFINITY : NAN;
  for (const Backend* b : {reference.get(), backend.get()}) {
    const Top t = top(*b, x, 100, 5, 70);
    EXPECT_EQ(t.first, clean.first);
    EXPECT_EQ(t.ids, clean.ids);
  }
}

TEST(Greatest, ThreadsChangeNothing) {
  const auto x = numbers(40 * 1003, 1);
  const auto backend = make_cpu_backend(Precision::kBf16);
  const Top whole = top(*backend, x, 1003, 7);
  for (int n_threads : {1, 2, 16}) {
    backend->context()->set_threads(n_threads);
    const Top again = top(*backend, x, 1003, 7);
    backend->context()->set_threads(0);
    EXPECT_EQ(again.first, whole.first);
    EXPECT_EQ(again.ids, whole.ids);
  }
}

}  // namespace
}  // namespace rw
