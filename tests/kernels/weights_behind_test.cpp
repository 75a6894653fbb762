// SPDX-License-Identifier: Apache-2.0
/// Attention with weights of queries behind their rotation (norms of q and k that stand there), against the
/// definition and against what a layer does that rotates both and then weighs both.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

struct Shape {
  int n_kv_heads, group, head_dim, rotary_dim;
  Index n;
};

Method bind(const std::string& spec, const Shape& s) {
  RopeContext context;
  context.head_dim = s.head_dim, context.rotary_dim = s.rotary_dim;
  context.n_ctx_train = context.n_ctx_original = 64, context.n = s.n;
  return Method::bind(MethodSpec::parse(spec), context);
}

struct Rows {
  std::vector<float> q, k, v;
  explicit Rows(const Shape& s)
      : q(numbers(s.n * s.n_kv_heads * s.group * s.head_dim, 3)),
        k(numbers(s.n * s.n_kv_heads * s.head_dim, 1)),
        v(numbers(s.n * s.n_kv_heads * s.head_dim, 2)) {}
};

/// Attention of all rows in steps of `step`; grown: keys are kept as they are and rotated for each step.
std::vector<float> attend(const Backend& backend, const Method& method, const Shape& s, const Rows& in,
                          const float* weight, Index step) {
  const int n_heads = s.n_kv_heads * s.group;
  const Index kv_width = Index{s.n_kv_heads} * s.head_dim, q_width = Index{n_heads} * s.head_dim;
  std::vector<float> out(in.q.size());
  const auto kv = backend.make_kv_layer(s.n_kv_heads, s.head_dim),
             scratch = backend.make_kv_layer(s.n_kv_heads, s.head_dim);
  for (Index at = 0; at < s.n; at += step) {
    const Index n = std::min(step, s.n - at);
    const Method now = method.grows() ? method.at_length(at + n) : method;
    const Pointwise pointwise = now.pointwise();
    backend.append(*kv, in.k.data() + at * kv_width, in.v.data() + at * kv_width,
                   method.grows() ? now.raw_keys(at, n) : now.lower_keys(at, n));
    if (method.grows()) backend.rotate_into(*scratch, *kv, now.lower_keys(0, at + n, false));
    const AttentionPlan plan = now.lower(at, n);
    backend.attention({{{.q = in.q.data() + at * q_width,
                         .kv = method.grows() ? scratch.get() : kv.get(),
                         .plan = &plan,
                         .pointwise = &pointwise,
                         .out = out.data() + at * q_width,
                         .weight = weight}}},
                      n_heads);
  }
  return out;
}

/// Weights of norms: around 1, another for each dim.
std::vector<float> some_weights(int head_dim) {
  std::vector<float> weights = numbers(head_dim, 7, 0.4f);
  for (float& w : weights) w += 1;
  return weights;
}

constexpr Shape kShapes[] = {{2, 3, 64, 64, 150}, {1, 7, 8, 8, 120},   {1, 2, 80, 32, 100},
                             {3, 1, 20, 12, 130}, {1, 4, 128, 96, 70}, {1, 8, 256, 256, 80}};
constexpr KvType kKvTypes[] = {KvType::kF32, KvType::kBf16, KvType::kQ8};
constexpr double kBounds[] = {2e-6, 0.005, 0.016};  // as in kernel_test.cpp
constexpr const char* kSpecs[] = {"none",
                                  "yarn:factor=2,trained=64",
                                  "rerope:window=20",
                                  "self-extend:window=16,group=4",
                                  "lm-infinite:sink=2,window=20",
                                  "dca:chunk=24,local=8",
                                  "dynamic-ntk:trained=32,grow=1"};

TEST(WeightsBehind, EqualTheDefinition) {
  const auto reference = make_reference_backend();
  for (const Shape& s : kShapes)
    for (const char* spec : kSpecs) {
      const Method method = bind(spec, s);
      const Rows in(s);
      const std::vector<float> weight = some_weights(s.head_dim);
      const Index step = method.grows() ? 31 : s.n;
      const auto expected = attend(*reference, method, s, in, weight.data(), step);
      for (std::size_t i = 0; i < 3; ++i) {
        const auto backend = make_cpu_backend(Precision::kBf16, kKvTypes[i]);
        EXPECT_LT(relative_error(attend(*backend, method, s, in, weight.data(), step), expected), kBounds[i])
            << backend->name() << " " << spec << " head_dim " << s.head_dim;
      }
    }
}

/// One row of plain RoPE: q and k rotated at their own positions, then each times its weights.
std::vector<double> by_hand(const Rows& in, const std::vector<float>& weight, int dim, Index row) {
  const auto rotated = [dim](const float* x, Index at) {
    std::vector<double> y(static_cast<std::size_t>(dim));
    for (int m = 0; m < dim / 2; ++m) {
      const double angle = static_cast<double>(at) * std::pow(10000.0, -2.0 * m / dim);
      const double a = static_cast<double>(x[m]), b = static_cast<double>(x[m + dim / 2]);
      y[static_cast<std::size_t>(m)] = a * std::cos(angle) - b * std::sin(angle);
      y[static_cast<std::size_t>(m + dim / 2)] = a * std::sin(angle) + b * std::cos(angle);
    }
    return y;
  };
  const std::vector<double> q = rotated(in.q.data() + row * dim, row);
  std::vector<double> out(static_cast<std::size_t>(dim));
  double total = 0;
  for (Index key = 0; key <= row; ++key) {
    const std::vector<double> k = rotated(in.k.data() + key * dim, key);
    double logit = 0;
    for (std::size_t d = 0; d < k.size(); ++d)
      logit +=
          q[d] * std::sqrt(static_cast<double>(weight[d])) * k[d] * std::sqrt(static_cast<double>(weight[d]));
    const double e = std::exp(logit / std::sqrt(static_cast<double>(dim)));
    total += e;
    for (std::size_t d = 0; d < k.size(); ++d)
      out[d] += e * static_cast<double>(in.v[static_cast<std::size_t>(key * dim) + d]);
  }
  for (double& v : out) v /= total;
  return out;
}

TEST(WeightsBehind, AreThoseOfALayerThatWeighsRotatedQueriesAndKeys) {
  const Shape s{1, 1, 16, 16, 60};
  const Rows in(s);
  const std::vector<float> weight = some_weights(s.head_dim);
  for (const auto& backend : {make_reference_backend(), make_cpu_backend(Precision::kF32)}) {
    const auto got = attend(*backend, bind("none", s), s, in, weight.data(), s.n);
    for (const Index row : {Index{0}, Index{7}, s.n - 1}) {
      const std::vector<double> expected = by_hand(in, weight, s.head_dim, row);
      for (std::size_t d = 0; d < expected.size(); ++d)
        EXPECT_NEAR(static_cast<double>(got[static_cast<std::size_t>(row * 16) + d]), expected[d], 1e-5);
    }
  }
}

/// They do not commute with the rotation: weights before it are another layer.
TEST(WeightsBehind, AreNotWeightsBeforeTheRotation) {
  const Shape s{1, 1, 16, 16, 60};
  const Rows in(s);
  const std::vector<float> weight = some_weights(s.head_dim);
  Rows before = in;
  for (std::size_t i = 0; i < before.q.size(); ++i) before.q[i] *= weight[i % 16];
  const auto backend = make_cpu_backend(Precision::kF32);
  const Method none = bind("none", s);
  const auto behind = attend(*backend, none, s, in, weight.data(), s.n);
  EXPECT_GT(relative_error(attend(*backend, none, s, before, nullptr, s.n), behind), 0.01);
  EXPECT_GT(relative_error(attend(*backend, none, s, in, nullptr, s.n), behind), 0.01);
}

TEST(WeightsBehind, BitsDoNotDependOnChunksAndOnesAreNone) {
  for (const Shape& s : kShapes) {
    const Method method = bind("rerope:window=20", s);
    const Rows in(s);
    const std::vector<float> weight = some_weights(s.head_dim),
                             ones(static_cast<std::size_t>(s.head_dim), 1.0f);
    for (KvType type : kKvTypes) {
      const auto backend = make_cpu_backend(Precision::kBf16, type);
      const auto whole = attend(*backend, method, s, in, weight.data(), s.n);
      for (Index step : {Index{1}, Index{37}}) {
        const auto part = attend(*backend, method, s, in, weight.data(), step);
        EXPECT_EQ(std::memcmp(part.data(), whole.data(), whole.size() * sizeof(float)), 0) << s.head_dim;
      }
      const auto none = attend(*backend, method, s, in, nullptr, s.n),
                 with_ones = attend(*backend, method, s, in, ones.data(), s.n);
      EXPECT_EQ(std::memcmp(none.data(), with_ones.data(), none.size() * sizeof(float)), 0) << s.head_dim;
    }
  }
}

}  // namespace
}  // namespace rw
