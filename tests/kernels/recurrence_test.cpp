// SPDX-License-Identifier: Apache-2.0
/// Convolutions and recurrences against the definition; a row's bits whatever stands beside it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "relative_error.h"
#include "weights.h"

namespace rw {
namespace {

std::vector<float> scaled(std::vector<float> x, float factor, float shift) {
  for (float& v : x) v = v * factor + shift;
  return x;
}

struct ConvolutionShape {
  Index width, n_rows;
  int n_taps;
  bool bias, silu;
};

/// Rows in steps of `step`, as one sequence; the columns that are left stand behind them.
std::vector<float> convolved(const Backend& backend, const ConvolutionShape& s, Index step) {
  const auto taps = numbers(s.width * s.n_taps, 1), bias = numbers(s.width, 2);
  std::vector<float> x = numbers(s.width * s.n_rows, 3), columns = numbers(s.width * (s.n_taps - 1), 4);
  for (Index at = 0; at < s.n_rows; at += step) {
    const ConvolutionTask task{
        .x = x.data() + at * s.width, .n_rows = std::min(step, s.n_rows - at), .columns = columns.data()};
    backend.convolve({&task, 1}, {.taps = taps.data(),
                                  .bias = s.bias ? bias.data() : nullptr,
                                  .width = s.width,
                                  .n_taps = s.n_taps,
                                  .silu = s.silu});
  }
  x.insert(x.end(), columns.begin(), columns.end());
  return x;
}

// Widths that fill no vector, one tap more than there are rows, and the most taps.
constexpr ConvolutionShape kConvolutions[] = {{1, 5, 2, false, false},
                                              {16, 40, 4, true, true},
                                              {37, 9, 3, false, true},
                                              {130, 3, 4, true, false},
                                              {50, 33, 16, true, true}};

TEST(Recurrences, ConvolutionsEqualTheDefinition) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kF32);
  for (const ConvolutionShape& s : kConvolutions) {
    const auto expected = convolved(*reference, s, s.n_rows), found = convolved(*backend, s, s.n_rows);
    EXPECT_LT(relative_error(found, expected), 1e-6) << s.width << " x " << s.n_rows << ", taps " << s.n_taps;
    for (Index step : {Index{1}, Index{2}, Index{7}})
      EXPECT_EQ(convolved(*backend, s, step), found) << s.width << " in steps of " << step;
  }
}

struct RecurrenceShape {
  Index n_heads, n_key_heads, key_dim, value_dim, n_rows;
  bool delta, tiled, skip;
};

struct RecurrenceData {
  explicit RecurrenceData(const RecurrenceShape& s)
      : q(scaled(numbers(s.n_rows * s.n_key_heads * s.key_dim, 1), 0.3f, 0)),
        k(scaled(numbers(s.n_rows * s.n_key_heads * s.key_dim, 2), 0.3f, 0)),
        v(numbers(s.n_rows * s.n_heads * s.value_dim, 3)),
        step(numbers(s.n_rows * s.n_heads, 4)),
        weight(numbers(s.n_rows * s.n_heads, 5)),
        rate(scaled(numbers(s.n_heads, 6), 0.05f, -0.06f)),
        bias(numbers(s.n_heads, 7)),
        skip(numbers(s.n_heads, 8)),
        state(numbers(s.n_heads * s.key_dim * s.value_dim, 9)) {}
  std::vector<float> q, k, v, step, weight, rate, bias, skip, state;
};

/// What rows give, then the state: in steps, of which all but the first write over v; `beside`: another
/// sequence's task in each call.
std::vector<float> recurred(const Backend& backend, const RecurrenceShape& s, Index step, bool beside) {
  RecurrenceData d(s), other(s);
  const Index keys = s.n_key_heads * s.key_dim, values = s.n_heads * s.value_dim;
  std::vector<float> out(d.v.size());
  const auto task = [&](RecurrenceData& of, Index at, Index n, float* to) {
    return RecurrenceTask{.q = of.q.data() + at * keys,
                          .k = of.k.data() + at * keys,
                          .v = of.v.data() + at * values,
                          .step = of.step.data() + at * s.n_heads,
                          .weight = s.delta ? of.weight.data() + at * s.n_heads : nullptr,
                          .out = to,
                          .state = of.state.data(),
                          .n_rows = n};
  };
  for (Index at = 0; at < s.n_rows; at += step) {
    const Index n = std::min(step, s.n_rows - at);
    float* to = at == 0 ? out.data() : d.v.data() + at * values;
    std::vector<RecurrenceTask> tasks{task(d, at, n, to)};
    if (beside) tasks.insert(tasks.begin(), task(other, 0, 2, other.v.data()));
    backend.recur(tasks, {.n_heads = s.n_heads,
                          .n_key_heads = s.n_key_heads,
                          .key_dim = s.key_dim,
                          .value_dim = s.value_dim,
                          .delta = s.delta,
                          .tiled = s.tiled,
                          .rate = d.rate.data(),
                          .step_bias = d.bias.data(),
                          .least_step = 0.01f,
                          .greatest_step = 3,
                          .skip = s.skip ? d.skip.data() : nullptr});
    if (at > 0) std::copy_n(to, n * values, out.data() + at * values);
  }
  out.insert(out.end(), d.state.begin(), d.state.end());
  return out;
}

// Value widths of whole vectors, of one and a rest, and of less; odd numbers of keys.
constexpr RecurrenceShape kRecurrences[] = {
    {4, 2, 16, 32, 50, true, false, false}, {4, 2, 13, 20, 30, true, true, false},
    {6, 1, 5, 7, 20, true, false, true},    {4, 2, 24, 64, 40, false, false, true},
    {3, 3, 9, 50, 17, false, true, false},  {2, 1, 128, 128, 70, true, false, false}};

TEST(Recurrences, EqualTheDefinition) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kBf16);
  for (const RecurrenceShape& s : kRecurrences) {
    const auto expected = recurred(*reference, s, s.n_rows, false);
    const auto found = recurred(*backend, s, s.n_rows, false);
    EXPECT_LT(relative_error(found, expected), 2e-6) << s.key_dim << " x " << s.value_dim;
    for (Index step : {Index{1}, Index{3}, Index{16}})
      for (bool beside : {false, true})
        EXPECT_EQ(recurred(*backend, s, step, beside), found) << s.key_dim << " in steps of " << step;
  }
}

TEST(Recurrences, ThreadsChangeNoBit) {
  const auto bits = [](const std::string& threads) {
    const auto backend =
        make_cpu_backend(std::make_shared<Context>(ContextOptions{.threads = std::stoi(threads), .isa = {}}),
                         Precision::kF32, KvType::kF32);
    return recurred(*backend, kRecurrences[0], 8, true);
  };
  EXPECT_EQ(bits("1"), bits("2"));
  EXPECT_EQ(bits("1"), bits("5"));
}

/// A gate of numbers of every size is a number; NaN stays.
TEST(Recurrences, GatesAreNumbers) {
  const float rate[] = {-2.0f}, bias[] = {0.5f};
  for (const bool delta : {false, true}) {
    const Recurrence r{.n_heads = 1,
                       .n_key_heads = 1,
                       .delta = delta,
                       .rate = rate,
                       .step_bias = bias,
                       .greatest_step = 3e38f};
    for (float x : {-1e30f, -100.0f, 0.0f, 1.0f, 100.0f, 1e30f}) {
      const RecurrenceGate gate = recurrence_gate(r, 0, x, x);
      EXPECT_TRUE(gate.decay >= 0 && gate.decay <= 1 && std::isfinite(gate.weight)) << x;
    }
    EXPECT_TRUE(std::isnan(recurrence_gate(r, 0, NAN, NAN).decay));
    EXPECT_TRUE(std::isnan(recurrence_gate(r, 0, NAN, NAN).weight));
  }
}

}  // namespace
}  // namespace rw
