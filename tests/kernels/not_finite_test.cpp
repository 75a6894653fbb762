// SPDX-License-Identifier: Apache-2.0
/// What is not a number stays none, on every instruction set, and reaches what depends on it and nothing
/// else.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

/// A NaN has many bits; to round some as numbers are rounded would make 0 or infinity of them.
const float kNotNumbers[] = {std::bit_cast<float>(0x7fc00000u), std::bit_cast<float>(0xffc00000u),
                             std::bit_cast<float>(0x7fffffffu), std::bit_cast<float>(0xffffffffu),
                             std::bit_cast<float>(0x7f800001u), std::bit_cast<float>(0xffc001ffu)};

constexpr Index kRows = 300, kBad = 100;  // rows, and the one whose numbers are not finite
constexpr int kKvHeads = 2, kGroup = 3, kDim = 32, kHeads = kKvHeads * kGroup;

Method bind(const std::string& spec) {
  RopeContext context;
  context.head_dim = context.rotary_dim = kDim;
  context.n_ctx_train = 64, context.n = kRows;
  return Method::bind(MethodSpec::parse(spec), context);
}

struct Rows {
  std::vector<float> q = numbers(kRows * kHeads * kDim, 3), k = numbers(kRows * kKvHeads * kDim, 1),
                     v = numbers(kRows * kKvHeads * kDim, 2);
};

std::vector<float> attend(const Backend& backend, const Method& method, const Rows& in, Index step) {
  std::vector<float> out(in.q.size());
  const auto kv = backend.make_kv_layer(kKvHeads, kDim);
  const Pointwise pointwise = method.pointwise();
  for (Index at = 0; at < kRows; at += step) {
    const Index n = std::min(step, kRows - at), width = Index{kKvHeads} * kDim,
                q_width = Index{kHeads} * kDim;
    backend.append(*kv, in.k.data() + at * width, in.v.data() + at * width, method.lower_keys(at, n));
    const AttentionPlan plan = method.lower(at, n);
    const AttentionTask task{in.q.data() + at * q_width, kv.get(), &plan, &pointwise,
                             out.data() + at * q_width};
    backend.attention({&task, 1}, kHeads);
    backend.drop(*kv, at + n);
  }
  return out;
}

struct Case {
  Precision precision;
  KvType kv;
};
constexpr Case kCases[] = {{Precision::kF32, KvType::kF32},
                           {Precision::kBf16, KvType::kBf16},
                           {Precision::kF32, KvType::kBf16},
                           {Precision::kBf16, KvType::kQ8}};

/// Where the definition is finite the bits are those of the run without the bad number, unless a whole value
/// shares a scale (8 bits); elsewhere nothing is finite.
void expect_same_reach(const std::vector<float>& expected, const std::vector<float>& clean,
                       const std::vector<float>& got, bool shared_scale, const std::string& what) {
  int n_bad = 0, hidden = 0, touched = 0;
  for (std::size_t row = 0; row < got.size() / kDim; ++row) {
    bool any = false;
    for (std::size_t d = row * kDim; d < (row + 1) * kDim; ++d) any = any || !std::isfinite(expected[d]);
    for (std::size_t d = row * kDim; d < (row + 1) * kDim; ++d) {
      const bool bad = !std::isfinite(expected[d]);
      n_bad += bad;
      hidden += bad && std::isfinite(got[d]);
      if (!bad && !(any && shared_scale))
        touched += std::bit_cast<int>(got[d]) != std::bit_cast<int>(clean[d]);
    }
  }
  EXPECT_GT(n_bad, 0) << what;
  EXPECT_EQ(hidden, 0) << what;
  EXPECT_EQ(touched, 0) << what;
}

class NotFinite : public testing::TestWithParam<std::string> {};

TEST_P(NotFinite, AttentionShowsItInEveryRowThatSeesItAndNoOther) {
  const Method method = bind(GetParam());
  const auto reference = make_reference_backend();
  for (int place = 0; place < 3; ++place) {
    const Rows clean;
    Rows bad;
    std::vector<float>& numbers = place == 0 ? bad.q : place == 1 ? bad.k : bad.v;
    const std::size_t at =
        static_cast<std::size_t>(kBad * kDim * (place == 0 ? kHeads : kKvHeads) + kDim + 5);
    numbers[at] = NAN;
    const auto expected = attend(*reference, method, bad, kRows);
    for (const Case& c : kCases) {
      const auto backend = make_cpu_backend(c.precision, c.kv);
      const auto without = attend(*backend, method, clean, kRows);
      for (float nan : kNotNumbers) {
        numbers[at] = nan;
        for (Index step : {kRows, Index{64}, Index{1}}) {
          if (step == 1 && nan != kNotNumbers[0] &&
              std::bit_cast<int>(nan) != std::bit_cast<int>(kNotNumbers[2]))
            continue;
          expect_same_reach(
              expected, without, attend(*backend, method, bad, step), c.kv == KvType::kQ8,
              backend->name() + " place " + std::to_string(place) + " step " + std::to_string(step));
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, NotFinite,
                         testing::Values("none", "rerope:window=20", "streaming-llm:sink=4,window=40",
                                         "lm-infinite:sink=2,window=30", "self-extend:window=16,group=4"),
                         [](const auto& test) { return "m" + std::to_string(test.index); });

/// A key whose weight is 0 in every precision is seen all the same.
TEST(NotFinite, AValueOfWeightZeroIsSeen) {
  const Method method = bind("none");
  Rows in;
  for (float& x : in.q) x = 64;
  for (Index row = 0; row < kRows; ++row)
    for (Index d = 0; d < kKvHeads * kDim; ++d)
      in.k[static_cast<std::size_t>(row * kKvHeads * kDim + d)] = row == kBad ? -64.0f : 1.0f;
  in.v[static_cast<std::size_t>(kBad * kKvHeads * kDim)] = NAN;
  const auto expected = attend(*make_reference_backend(), method, in, kRows);
  ASSERT_TRUE(std::isnan(expected[static_cast<std::size_t>((kRows - 1) * kHeads * kDim)]));
  for (const Case& c : kCases) {
    const auto got = attend(*make_cpu_backend(c.precision, c.kv), method, in, kRows);
    for (Index row = 0; row < kRows; ++row)
      EXPECT_EQ(row >= kBad, std::isnan(got[static_cast<std::size_t>(row * kHeads * kDim)])) << row;
  }
}

/// Scores beyond the largest float have no softmax.
TEST(NotFinite, AnInfiniteScoreIsNoAnswer) {
  const Method method = bind("none");
  Rows in;
  in.q[static_cast<std::size_t>(kBad * kHeads * kDim)] = INFINITY;
  const auto expected = attend(*make_reference_backend(), method, in, kRows);
  const Rows clean;
  for (const Case& c : kCases) {
    const auto backend = make_cpu_backend(c.precision, c.kv);
    expect_same_reach(expected, attend(*backend, method, clean, kRows), attend(*backend, method, in, kRows),
                      false, backend->name());
  }
}

std::vector<float> product(const Backend& backend, const TestWeights& w, const std::vector<float>& x,
                           Index n_rows, Stage stage) {
  const auto matrix = backend.make_matrix(w.rows());
  std::vector<float> y(static_cast<std::size_t>(n_rows * matrix->n_out));
  const Output output{.w = matrix.get(), .y = y.data()};
  backend.linear({.x = x.data(), .n_rows = n_rows}, {&output, 1}, stage);
  return y;
}

TEST(NotFinite, ProductsShowItInTheirRowAndNoOther) {
  constexpr Index kIn = 256, kOut = 20, kN = 40;
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    const TestWeights w(format, kOut, kIn, 1);
    for (Precision precision : {Precision::kF32, Precision::kBf16}) {
      const auto backend = make_cpu_backend(precision);
      for (Stage stage : {Stage::kPrefill, Stage::kDecode}) {
        for (float nan : kNotNumbers) {
          auto x = numbers(kN * kIn, 2);
          x[7 * kIn + 70] = nan;
          const auto y = product(*backend, w, x, kN, stage);
          for (std::size_t i = 0; i < y.size(); ++i)
            ASSERT_EQ(std::isfinite(y[i]), i / kOut != 7) << format.name << " " << backend->name();
        }
      }
    }
  }
}

TEST(NotFinite, ProductsShowAWeightInItsOutputAndNoOther) {
  constexpr Index kIn = 64, kOut = 20, kN = 40;
  for (Precision precision : {Precision::kF32, Precision::kBf16}) {
    const auto backend = make_cpu_backend(precision);
    for (Stage stage : {Stage::kPrefill, Stage::kDecode}) {
      for (float nan : kNotNumbers) {
        auto w = numbers(kOut * kIn, 1);
        w[3 * kIn + 9] = nan;
        const auto y = product(*backend, TestWeights(w, kOut, kIn), numbers(kN * kIn, 2), kN, stage);
        for (std::size_t i = 0; i < y.size(); ++i)
          ASSERT_EQ(std::isfinite(y[i]), i % kOut != 3) << backend->name();
      }
    }
  }
}

TEST(NotFinite, FeedForwardShowsItInItsRowAndNoOther) {
  constexpr Index kWidth = 48, kN = 40;
  const TestWeights gate(numbers(kWidth * 64, 5), 64, kWidth), up(numbers(kWidth * 64, 6), 64, kWidth),
      down(numbers(kWidth * 64, 7), kWidth, 64);
  for (Precision precision : {Precision::kF32, Precision::kBf16}) {
    const auto backend = make_cpu_backend(precision);
    const auto g = backend->make_matrix(gate.rows()), u = backend->make_matrix(up.rows()),
               d = backend->make_matrix(down.rows());
    for (float nan : kNotNumbers) {
      auto x = numbers(kN * kWidth, 3);
      x[7 * kWidth + 31] = nan;
      for (Stage stage : {Stage::kPrefill, Stage::kDecode})
        for (Activation activation : {Activation::kSilu, Activation::kGelu, Activation::kGeluTanh,
                                      Activation::kRelu2, Activation::kRelu})
          for (const Matrix* first : {g.get(), static_cast<Matrix*>(nullptr)}) {
            std::vector<float> y(x.size(), 1.0f);
            backend->feed_forward({.x = x.data(), .n_rows = kN},
                                  {.gate = first, .up = u.get(), .down = d.get(), .activation = activation},
                                  y.data(), true, stage);
            for (std::size_t i = 0; i < y.size(); ++i)
              ASSERT_EQ(std::isfinite(y[i]), i / kWidth != 7) << backend->name();
          }
    }
  }
}

}  // namespace
}  // namespace rw
