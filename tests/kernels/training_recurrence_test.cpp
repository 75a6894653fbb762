// SPDX-License-Identifier: Apache-2.0
/// Convolutions and recurrences of training: the definition's backward against finite differences of its
/// forward, its forward against inference's, and the instruction set in force against the definition.
#include "training_pair.h"
#include "training_test_util.h"

namespace rw {
namespace {

struct ConvolutionShape {
  Index width;
  int n_taps;
  bool bias, silu;
  std::vector<Index> borders;
};
// Texts of one row, of fewer than there are taps, and of many; widths that fill no vector.
const ConvolutionShape kConvolutions[] = {{3, 3, false, false, {0, 5}},
                                          {18, 4, true, true, {0, 1, 3, 12}},
                                          {16, 2, false, true, {0, 7, 8}},
                                          {37, 16, true, false, {0, 33, 40}}};

/// d_x, d_taps, d_bias.
template <class T>
std::array<std::vector<T>, 3> convolution_gradient(const Training<T>& ops, const ConvolutionShape& s,
                                                   const Convolution& c, const std::vector<T>& x,
                                                   const std::vector<T>& dy) {
  std::array<std::vector<T>, 3> d{std::vector<T>(x.size()),
                                  std::vector<T>(static_cast<std::size_t>(s.width * s.n_taps)),
                                  std::vector<T>(static_cast<std::size_t>(s.width))};
  ops.convolve_backward(x.data(), dy.data(), s.borders, c, d[0].data(), d[1].data(),
                        s.bias ? d[2].data() : nullptr);
  return d;
}

TEST(TrainingRecurrence, ConvolutionsAgreeWithFiniteDifferences) {
  const auto backend = make_reference_backend();
  for (const ConvolutionShape& s : kConvolutions) {
    const Index n = s.borders.back();
    std::vector<float> taps = on_grid(s.width * s.n_taps, 1, 1), bias = on_grid(s.width, 2, 1);
    std::vector<double> x = doubles(n * s.width, 3);
    const std::vector<double> dy = doubles(n * s.width, 4);
    const Convolution c{taps.data(), s.bias ? bias.data() : nullptr, s.width, s.n_taps, s.silu};
    const auto run = [&] {
      std::vector<double> y = zeros(n * s.width);
      definition().convolve(x.data(), s.borders, c, y.data());
      return y;
    };
    const auto loss = [&] { return dot(dy, run()); };
    const auto d = convolution_gradient(definition(), s, c, x, dy);
    expect_gradient("x", x, d[0], loss);
    expect_gradient("taps", taps, d[1], loss);
    if (s.bias) expect_gradient("bias", bias, d[2], loss);
    std::vector<float> inference = floats(x);
    for (std::size_t text = 0; text + 1 < s.borders.size(); ++text) {
      std::vector<float> before(static_cast<std::size_t>(s.width * (s.n_taps - 1)));
      const ConvolutionTask task{inference.data() + s.borders[text] * s.width,
                                 s.borders[text + 1] - s.borders[text], before.data()};
      backend->convolve({&task, 1}, c);
    }
    EXPECT_LT(relative_error(floats(run()), inference), 1e-6);
  }
}

TEST(TrainingRecurrence, ConvolutionsEqualTheDefinition) {
  for (const ConvolutionShape& s : kConvolutions) {
    const Index n = s.borders.back();
    const auto taps = numbers(s.width * s.n_taps, 1), bias = numbers(s.width, 2);
    const Convolution c{taps.data(), s.bias ? bias.data() : nullptr, s.width, s.n_taps, s.silu};
    const Both x(n * s.width, 3), dy(n * s.width, 4);
    Both y(n * s.width, 5);
    training_definition().convolve(x.d.data(), s.borders, c, y.d.data());
    training_under_test().convolve(x.f.data(), s.borders, c, y.f.data());
    EXPECT_LT(y.error(), kF32Error);
    const auto expected = convolution_gradient(training_definition(), s, c, x.d, dy.d);
    const auto found = convolution_gradient(training_under_test(), s, c, x.f, dy.f);
    for (std::size_t i = 0; i < (s.bias ? 3 : 2); ++i)
      EXPECT_LT(relative_error(found[i], floats(expected[i])), kF32Error) << s.width << " " << i;
  }
}

struct RecurrenceShape {
  Index n_heads, n_key_heads, key_dim, value_dim;
  bool delta, tiled, skip, log;
  std::vector<Index> borders;
};
// Texts that begin where a state would be kept, beside it, and that pass several such rows; odd numbers of
// keys and columns.
const RecurrenceShape kSmall[] = {{4, 2, 3, 5, true, false, false, true, {0, 6, 7}},
                                  {4, 2, 5, 4, true, true, true, false, {0, 5}},
                                  {3, 1, 4, 3, false, false, true, true, {0, 4, 9}},
                                  {2, 2, 3, 2, false, true, false, false, {0, 8}}};
const RecurrenceShape kLarge[] = {{4, 2, 16, 32, true, false, false, true, {0, 64, 65, 200}},
                                  {4, 2, 13, 20, true, true, true, false, {0, 3, 130}},
                                  {6, 1, 5, 7, false, false, true, true, {0, 1, 63, 128, 150}},
                                  {2, 1, 128, 64, true, false, false, true, {0, 70}},
                                  {3, 3, 40, 33, false, true, false, false, {0, 129}}};

template <class T>
struct RecurrenceData {
  explicit RecurrenceData(const RecurrenceShape& shape) : s(shape) {
    const Index n = s.borders.back(), keys = n * s.n_key_heads * s.key_dim, heads = n * s.n_heads,
                values = heads * s.value_dim;
    const auto make = [](Index count, unsigned seed, float factor) {
      std::vector<T> x;
      for (const float number : numbers(count, seed)) x.push_back(static_cast<T>(factor * number));
      return x;
    };
    q = make(keys, 1, 0.5f), k = make(keys, 2, 0.5f), v = make(values, 3, 1), d_out = make(values, 6, 1);
    step = make(heads, 4, 1), weight = make(heads, 5, 1);
    rate = on_grid(s.n_heads, 7, 0.05f, s.log ? -1.5f : -0.4f);
    step_bias = on_grid(s.n_heads, 8, 1), skip = on_grid(s.n_heads, 9, 1);
  }
  Recurrence recurrence() const {
    return {.n_heads = s.n_heads,
            .n_key_heads = s.n_key_heads,
            .key_dim = s.key_dim,
            .value_dim = s.value_dim,
            .delta = s.delta,
            .tiled = s.tiled,
            .rate = rate.data(),
            .rate_is_log = s.log,
            .step_bias = step_bias.data(),
            .least_step = 0.3f,
            .greatest_step = 2,
            .skip = s.skip ? skip.data() : nullptr};
  }
  TrainingRecurrence<T> rows() {
    TrainingRecurrence<T> r;
    out.assign(v.size(), T{0});
    states.assign(
        static_cast<std::size_t>(kept_states(s.borders.back()) * s.n_heads * s.key_dim * s.value_dim), T{0});
    r.borders = s.borders;
    r.q = q.data(), r.k = k.data(), r.v = v.data(), r.step = step.data();
    r.weight = s.delta ? weight.data() : nullptr, r.out = out.data(), r.states = states.data();
    return r;
  }
  void forward(const Training<T>& ops) { ops.recur(rows(), recurrence()); }
  void gradient(const Training<T>& ops) {
    TrainingRecurrence<T> r = rows();
    ops.recur(r, recurrence());
    const auto clear = [](std::vector<T>& x, const auto& like) { x.assign(like.size(), T{0}); };
    clear(d_q, q), clear(d_k, k), clear(d_v, v), clear(d_step, step), clear(d_weight, weight);
    clear(d_rate, rate), clear(d_step_bias, rate), clear(d_skip, rate);
    r.d_out = d_out.data(), r.d_q = d_q.data(), r.d_k = d_k.data(), r.d_v = d_v.data();
    r.d_step = d_step.data(), r.d_weight = s.delta ? d_weight.data() : nullptr;
    r.d_rate = d_rate.data(), r.d_step_bias = d_step_bias.data(), r.d_skip = d_skip.data();
    ops.recur_backward(r, recurrence());
  }
  /// Of all that has one.
  std::vector<const std::vector<T>*> gradients() const {
    std::vector<const std::vector<T>*> all{&out, &d_q, &d_k, &d_v, &d_step, &d_rate, &d_step_bias};
    if (s.delta) all.push_back(&d_weight);
    if (s.skip) all.push_back(&d_skip);
    return all;
  }
  RecurrenceShape s;
  std::vector<T> q, k, v, step, weight, out, states, d_out;
  std::vector<float> rate, step_bias, skip;
  std::vector<T> d_q, d_k, d_v, d_step, d_weight, d_rate, d_step_bias, d_skip;
};

TEST(TrainingRecurrence, RecurrencesAgreeWithFiniteDifferences) {
  for (const RecurrenceShape& s : kSmall) {
    SCOPED_TRACE(fmt::format("{} heads, {} x {}", s.n_heads, s.key_dim, s.value_dim));
    RecurrenceData<double> d(s);
    const auto loss = [&] {
      d.forward(definition());
      return dot(d.d_out, d.out);
    };
    d.gradient(definition());
    expect_gradient("q", d.q, d.d_q, loss);
    expect_gradient("k", d.k, d.d_k, loss);
    expect_gradient("v", d.v, d.d_v, loss);
    expect_gradient("step", d.step, d.d_step, loss, 0x1p-14);  // a clamp is not far from some
    if (s.delta) expect_gradient("weight", d.weight, d.d_weight, loss);
    expect_gradient("rate", d.rate, d.d_rate, loss);
    if (s.skip) expect_gradient("skip", d.skip, d.d_skip, loss);
    expect_gradient("step_bias", d.step_bias, d.d_step_bias, loss);
  }
}

TEST(TrainingRecurrence, RecurrencesAreThoseOfInference) {
  const auto backend = make_reference_backend();
  for (const RecurrenceShape& s : kLarge) {
    RecurrenceData<float> d(s);
    d.forward(training_under_test());
    const std::vector<float> found = d.out;
    for (std::size_t text = 0; text + 1 < s.borders.size(); ++text) {
      std::vector<float> state(static_cast<std::size_t>(s.n_heads * s.key_dim * s.value_dim));
      const Index at = s.borders[text], keys = at * s.n_key_heads * s.key_dim, heads = at * s.n_heads;
      const RecurrenceTask task{.q = d.q.data() + keys,
                                .k = d.k.data() + keys,
                                .v = d.v.data() + heads * s.value_dim,
                                .step = d.step.data() + heads,
                                .weight = s.delta ? d.weight.data() + heads : nullptr,
                                .out = d.out.data() + heads * s.value_dim,
                                .state = state.data(),
                                .n_rows = s.borders[text + 1] - at};
      backend->recur({&task, 1}, d.recurrence());
    }
    EXPECT_LT(relative_error(found, d.out), 2e-6) << s.key_dim << " x " << s.value_dim;
  }
}

TEST(TrainingRecurrence, RecurrencesEqualTheDefinition) {
  for (const RecurrenceShape& s : kLarge) {
    RecurrenceData<double> expected(s);
    RecurrenceData<float> found(s);
    expected.gradient(training_definition());
    found.gradient(training_under_test());
    for (std::size_t i = 0; i < found.gradients().size(); ++i)
      EXPECT_LT(relative_error(*found.gradients()[i], floats(*expected.gradients()[i])), 1e-5)
          << s.key_dim << " x " << s.value_dim << ", " << i;
  }
}

/// The one head that others share keys with, waves of heads and texts beside each other.
TEST(TrainingRecurrence, ThreadsChangeNoBit) {
  for (const RecurrenceShape& s : kLarge) {
    RecurrenceData<float> first(s);
    first.gradient(*make_cpu_training(context_of(1)));
    for (const int threads : {2, 5}) {
      RecurrenceData<float> other(s);
      other.gradient(*make_cpu_training(context_of(threads)));
      for (std::size_t i = 0; i < first.gradients().size(); ++i)
        EXPECT_EQ(*other.gradients()[i], *first.gradients()[i]) << threads << " threads, " << i;
    }
  }
  const ConvolutionShape& s = kConvolutions[3];
  const auto taps = numbers(s.width * s.n_taps, 1), x = numbers(s.borders.back() * s.width, 2);
  const Convolution c{taps.data(), nullptr, s.width, s.n_taps, true};
  EXPECT_EQ(convolution_gradient(*make_cpu_training(context_of(1)), s, c, x, x),
            convolution_gradient(*make_cpu_training(context_of(5)), s, c, x, x));
}

/// A text's gradients are its own, whatever stands beside it.
TEST(TrainingRecurrence, TextsAreApart) {
  RecurrenceShape both = kLarge[0], alone = kLarge[0];
  both.borders = {0, 37, 137}, alone.borders = {0, 100};
  RecurrenceData<float> two(both), one(alone);
  const Index rows = 37;
  const auto take = [&](std::vector<float>& to, const std::vector<float>& from, Index width) {
    to.assign(from.begin() + rows * width, from.end());
  };
  const Index keys = both.n_key_heads * both.key_dim, values = both.n_heads * both.value_dim;
  take(one.q, two.q, keys), take(one.k, two.k, keys), take(one.v, two.v, values);
  take(one.d_out, two.d_out, values), take(one.step, two.step, both.n_heads);
  take(one.weight, two.weight, both.n_heads);
  two.gradient(training_under_test());
  one.gradient(training_under_test());
  std::vector<float> of_two;
  for (const auto& [found, expected, width] : {std::tuple{&two.d_q, &one.d_q, keys},
                                               {&two.d_k, &one.d_k, keys},
                                               {&two.d_v, &one.d_v, values},
                                               {&two.d_step, &one.d_step, both.n_heads},
                                               {&two.d_weight, &one.d_weight, both.n_heads}}) {
    take(of_two, *found, width);
    EXPECT_LT(relative_error(of_two, *expected), 1e-6);
  }
}

}  // namespace
}  // namespace rw
