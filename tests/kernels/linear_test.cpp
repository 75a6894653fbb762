// SPDX-License-Identifier: Apache-2.0
/// Products with stored weights: every format and size equals the definition in both stages, and a row's bits
/// depend on that row and the stage alone.
#include <gtest/gtest.h>

#include <cstring>

#include "weights.h"

namespace rw {
namespace {

constexpr Stage kStages[] = {Stage::kPrefill, Stage::kDecode};
constexpr Precision kPrecisions[] = {Precision::kBf16, Precision::kF32};

std::string describe(Precision precision, Stage stage) {
  return std::string(precision == Precision::kBf16 ? "bf16 " : "f32 ") +
         (stage == Stage::kPrefill ? "prefill" : "decode");
}

std::vector<float> multiply(const Backend& backend, const Matrix& w, const float* x, Index n_rows,
                            Stage stage, const float* bias = nullptr) {
  std::vector<float> y(static_cast<std::size_t>(n_rows * w.n_out));
  const Output output{.w = &w, .bias = bias, .y = y.data()};
  backend.linear({.x = x, .n_rows = n_rows}, {&output, 1}, stage);
  return y;
}

bool same_bits(const std::vector<float>& a, const float* b) {
  return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0;
}

/// Whole numbers up to 127, which is reached in each 16: 8 bits hold such a row exactly.
std::vector<float> whole_numbers(Index n, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> result(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = i % 16 == 5 ? -127.0f : static_cast<float>(static_cast<int>(generator() % 255) - 127);
  return result;
}

double size_of_sums(const std::vector<float>& w, const std::vector<float>& x, Index n_in, Index row,
                    Index o) {
  double size = 0;
  for (Index i = 0; i < n_in; ++i)
    size += std::abs(static_cast<double>(w[static_cast<std::size_t>(o * n_in + i)]) *
                     static_cast<double>(x[static_cast<std::size_t>(row * n_in + i)]));
  return size;
}

class Formats : public testing::TestWithParam<std::string> {
 protected:
  const WeightFormat& format = Registry<WeightFormat>::get(GetParam(), "weight format");
};

/// A row of x that is zero but for a one gives back the weights themselves.
TEST_P(Formats, PrefillExpandsToTheDefinitionToTheBit) {
  for (Index n_in : {format.block_size, 3 * format.block_size}) {
    const TestWeights w(format, 37, n_in, 1);
    const auto values = w.values();
    std::vector<float> ones(static_cast<std::size_t>(n_in * n_in));
    for (Index i = 0; i < n_in; ++i) ones[static_cast<std::size_t>(i * n_in + i)] = 1;
    for (Precision precision : kPrecisions) {
      const auto backend = make_cpu_backend(precision);
      const auto y = multiply(*backend, *backend->make_matrix(w.rows()), ones.data(), n_in, Stage::kPrefill);
      for (Index i = 0; i < n_in; ++i)
        for (Index o = 0; o < 37; ++o) {
          float value = values[static_cast<std::size_t>(o * n_in + i)];
          // Products of pairs of bfloat16 take numbers below the normal ones for 0 (vdpbf16ps).
          if (precision == Precision::kBf16 && std::abs(value) < 0x1p-126f &&
              y[static_cast<std::size_t>(i * 37 + o)] == 0)
            value = 0;
          ASSERT_EQ(y[static_cast<std::size_t>(i * 37 + o)],
                    precision == Precision::kBf16 ? static_cast<float>(BFloat16(value)) : value)
              << describe(precision, Stage::kPrefill) << " output " << o << " input " << i;
        }
    }
  }
}

/// Rows that 8 bits hold: what is left are the roundings of sums. Sizes: a block, odd numbers of 64 inputs,
/// and more than one pass of 2,048.
TEST_P(Formats, DecodeEqualsTheDefinition) {
  const auto reference = make_reference_backend();
  for (Index n_blocks : {Index{1}, Index{3}, 2048 / format.block_size, 2304 / format.block_size + 1}) {
    const Index n_in = n_blocks * format.block_size, n_out = 37, n_rows = 9;
    const TestWeights w(format, n_out, n_in, 2);
    const auto values = w.values(), x = whole_numbers(n_rows * n_in, 3), bias = numbers(n_out, 4);
    const auto expected = multiply(*reference, *reference->make_matrix(w.rows()), x.data(), n_rows,
                                   Stage::kDecode, bias.data());
    for (Precision precision : kPrecisions) {
      const auto backend = make_cpu_backend(precision);
      const auto y =
          multiply(*backend, *backend->make_matrix(w.rows()), x.data(), n_rows, Stage::kDecode, bias.data());
      for (Index r = 0; r < n_rows; ++r)
        for (Index o = 0; o < n_out; ++o) {
          const auto at = static_cast<std::size_t>(r * n_out + o);
          // A lane adds n_in / 16 groups or products; formats with minima cancel a part of what they add,
          // at most 16 times the weights that are left (q up to 127, weights of a group of either sign).
          const double tolerance =
              (static_cast<double>(n_in) / 16 + 20) * 0x1p-24 * 16 * size_of_sums(values, x, n_in, r, o);
          ASSERT_NEAR(y[at], expected[at], tolerance + 1e-6)
              << describe(precision, Stage::kDecode) << " " << n_in << " row " << r << " output " << o;
        }
    }
  }
}

/// Rows that 8 bits do not hold: half a step of 1/127 of the group's largest number for each input.
TEST_P(Formats, DecodeRoundsInputsToEightBitsAndNoMore) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kBf16);
  const Index n_in = 6 * std::max<Index>(format.block_size, 32), n_out = 20;
  const TestWeights w(format, n_out, n_in, 5);
  const auto values = w.values(), x = numbers(n_in, 6);
  const auto expected = multiply(*reference, *reference->make_matrix(w.rows()), x.data(), 1, Stage::kDecode);
  const auto y = multiply(*backend, *backend->make_matrix(w.rows()), x.data(), 1, Stage::kDecode);
  for (Index o = 0; o < n_out; ++o) {
    double tolerance = 1e-5;
    for (Index i = 0; i < n_in; ++i) {
      float top = 0;
      for (Index j = i / 32 * 32; j < i / 32 * 32 + 32; ++j)
        top = std::max(top, std::abs(x[static_cast<std::size_t>(j)]));
      tolerance += std::abs(static_cast<double>(values[static_cast<std::size_t>(o * n_in + i)])) *
                   static_cast<double>(top) / 254;
    }
    ASSERT_NEAR(y[static_cast<std::size_t>(o)], expected[static_cast<std::size_t>(o)], tolerance);
  }
}

TEST_P(Formats, BitsDoNotDependOnRowsOrThreads) {
  const Index n_in = 3 * std::max<Index>(format.block_size, 32), n_out = 67, n_rows = 130;
  const TestWeights w(format, n_out, n_in, 7);
  auto x = numbers(n_rows * n_in, 8);
  for (std::size_t i = 0; i < x.size(); i += 3) x[i] *= 1024;  // so that another order of summing shows
  for (Precision precision : kPrecisions) {
    const auto backend = make_cpu_backend(precision);
    const auto matrix = backend->make_matrix(w.rows());
    for (Stage stage : kStages) {
      const auto whole = multiply(*backend, *matrix, x.data(), n_rows, stage);
      for (Index n : {1, 2, 7, 8, 9, 33, 130}) {
        backend->context()->set_threads(n > 30 ? 24 : n % 2 == 0 ? 1 : 2);  // many: rows are split too
        for (Index at = 0; at + n <= n_rows; at += 31)
          ASSERT_TRUE(same_bits(multiply(*backend, *matrix, x.data() + at * n_in, n, stage),
                                whole.data() + at * n_out))
              << describe(precision, stage) << " " << n << " rows";
        backend->context()->set_threads(0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, Formats, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const WeightFormat& format : Registry<WeightFormat>::all())
                             names.push_back(format.name);
                           return names;
                         }()),
                         [](const auto& test) { return test.param; });

TEST(Linear, OddSizesEqualTheDefinition) {
  const auto reference = make_reference_backend();
  for (Index n_in = 1; n_in <= 70; n_in += n_in < 20 ? 1 : 5) {
    for (Index n_out : {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 130}) {
      const auto x = numbers(n_in * 7, 5), bias = numbers(n_out, 6);
      const TestWeights w(numbers(n_in * n_out, 4), n_out, n_in);
      const auto exact = reference->make_matrix(w.rows());
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        const auto expected = multiply(*reference, *exact, x.data(), 7, Stage::kPrefill, b);
        for (Precision precision : kPrecisions) {
          const auto backend = make_cpu_backend(precision);
          const auto matrix = backend->make_matrix(w.rows());
          for (Stage stage : kStages) {
            const auto y = multiply(*backend, *matrix, x.data(), 7, stage, b);
            // Operands are exact in bfloat16: only n_in partial sums below 4 sqrt(n_in) + 4 round, by 2^-24.
            const double n = static_cast<double>(n_in);
            for (std::size_t i = 0; i < y.size(); ++i)
              ASSERT_NEAR(y[i], expected[i], (n + 1) * 0x1p-24 * 4 * (std::sqrt(n) + 1) + 1e-6)
                  << describe(precision, stage) << " " << n_in << " -> " << n_out << (b ? " bias" : "");
          }
        }
      }
    }
  }
}

TEST(Linear, ARowsBitsDoNotDependOnTheNumberOfRowsOrThreads) {
  for (const auto& [n_in, n_out] : {std::pair<Index, Index>{65, 130}, {1, 1}, {3, 129}, {577, 67}}) {
    // Numbers of all magnitudes, so that another order of summing shows.
    auto x = numbers(n_in * 512, 5);
    for (std::size_t i = 0; i < x.size(); i += 3) x[i] *= 1024;
    const auto bias = numbers(n_out, 6);
    const TestWeights w(numbers(n_in * n_out, 4), n_out, n_in);
    for (Precision precision : kPrecisions) {
      const auto backend = make_cpu_backend(precision);
      const auto matrix = backend->make_matrix(w.rows());
      for (Stage stage : kStages) {
        std::vector<float> alone, biased;
        for (Index r = 0; r < 512; ++r) {
          const auto y = multiply(*backend, *matrix, x.data() + r * n_in, 1, stage),
                     z = multiply(*backend, *matrix, x.data() + r * n_in, 1, stage, bias.data());
          alone.insert(alone.end(), y.begin(), y.end());
          biased.insert(biased.end(), z.begin(), z.end());
        }
        // Every number for the first size, some for the others.
        for (Index n_rows = 1; n_rows <= 512; n_rows = n_rows == 70 ? 512 : n_rows + 1) {
          if (n_in != 65 && n_rows != 512 && n_rows % 9 > 1) continue;
          const bool with_bias = n_rows % 2 == 0;
          for (int n : {1, 2, 24}) {
            if (n == 24 && n_rows % 7 > 1) continue;
            backend->context()->set_threads(n);
            const auto y =
                multiply(*backend, *matrix, x.data(), n_rows, stage, with_bias ? bias.data() : nullptr);
            backend->context()->set_threads(0);
            ASSERT_TRUE(same_bits(y, (with_bias ? biased : alone).data()))
                << describe(precision, stage) << " " << n_in << " -> " << n_out << " rows " << n_rows
                << " threads " << n << " on " << isa_name(*backend->context());
          }
        }
      }
    }
  }
}

/// Norm, bias, several outputs and add in one call are what they are one after another.
TEST(Linear, FusedEqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const Index n_in = 96, n_rows = 21, sizes[] = {130, 16, 33};
  const auto x = numbers(n_rows * n_in, 1), weight = numbers(n_in, 2);
  const Norm norm{.weight = weight.data(), .eps = 1e-5f};
  for (Precision precision : kPrecisions) {
    const auto backend = make_cpu_backend(precision);
    for (Stage stage : kStages) {
      std::vector<std::vector<float>> y[2];
      for (const Backend* b : {reference.get(), backend.get()}) {
        std::vector<std::unique_ptr<Matrix>> matrices;
        std::vector<TestWeights> weights;
        std::vector<std::vector<float>> biases;
        for (Index n_out : sizes) {
          weights.emplace_back(numbers(n_in * n_out, 3), n_out, n_in);
          matrices.push_back(b->make_matrix(weights.back().rows()));
          biases.push_back(numbers(n_out, 4));
          y[b == backend.get()].push_back(numbers(n_rows * n_out, 5));
        }
        std::vector<Output> outputs;
        for (std::size_t i = 0; i < matrices.size(); ++i)
          outputs.push_back({.w = matrices[i].get(),
                             .bias = i == 1 ? nullptr : biases[i].data(),
                             .y = y[b == backend.get()][i].data(),
                             .add = i == 2});
        b->linear({.x = x.data(), .n_rows = n_rows, .norm = &norm}, outputs, stage);
      }
      // x rounds by 0.0016 of it in the mean square, and the weights here are exact.
      const double bound = precision == Precision::kF32 || stage == Stage::kDecode ? 1e-6 : 0.0025;
      for (std::size_t i = 0; i < std::size(sizes); ++i)
        EXPECT_LT(relative_error(y[1][i], y[0][i]), bound) << describe(precision, stage) << " output " << i;
    }
  }
}

/// Buffers are used again, and rows of an odd number of weights lie there as whole pairs: what a call before
/// left behind the last weight is no part of a product.
TEST(Linear, OddRowsDoNotSeeWhatWasThereBefore) {
  const Index n_rows = 20, n_odd = 37, n_even = 64;
  const TestWeights odd(numbers(n_odd * n_odd, 1), n_odd, n_odd),
      even(numbers(n_even * n_even, 2), n_even, n_even);
  const auto x = numbers(n_rows * n_odd, 3);
  const std::vector<float> bad(static_cast<std::size_t>(n_rows * n_even), NAN);
  for (Precision precision : kPrecisions) {
    const auto backend = make_cpu_backend(precision);
    for (Stage stage : kStages) {
      const auto run = [&](const TestWeights& weights, const std::vector<float>& rows) {
        const auto w = backend->make_matrix(weights.rows());
        auto y = multiply(*backend, *w, rows.data(), n_rows, stage);
        backend->feed_forward({.x = rows.data(), .n_rows = n_rows},
                              {.gate = w.get(), .up = w.get(), .down = w.get()}, y.data(), true, stage);
        return y;
      };
      const auto first = run(odd, x);
      for (float y : first) ASSERT_TRUE(std::isfinite(y)) << describe(precision, stage);
      run(even, bad);
      ASSERT_TRUE(same_bits(run(odd, x), first.data())) << describe(precision, stage);
    }
  }
}

TEST(Linear, WhatIsNotFiniteIsNotHidden) {
  const WeightFormat& q4 = Registry<WeightFormat>::get("Q4_1", "weight format");
  const TestWeights w(q4, 20, 128, 1);
  for (float bad : {INFINITY, NAN}) {
    auto x = numbers(128 * 2, 2);
    x[70] = bad;
    for (Precision precision : kPrecisions) {
      const auto backend = make_cpu_backend(precision);
      for (Stage stage : kStages) {
        const auto y = multiply(*backend, *backend->make_matrix(w.rows()), x.data(), 2, stage);
        for (std::size_t o = 0; o < 20; ++o) {
          EXPECT_FALSE(std::isfinite(y[o])) << describe(precision, stage);
          EXPECT_TRUE(std::isfinite(y[20 + o])) << describe(precision, stage);
        }
      }
    }
  }
}

}  // namespace
}  // namespace rw
