// SPDX-License-Identifier: Apache-2.0
/// Attention with a logit of each head that has no value (gpt-oss), against the definition.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

struct Shape {
  int n_kv_heads, group, head_dim;
  Index n;
};

class SinkAttention {
 public:
  explicit SinkAttention(const Shape& s)
      : s_(s),
        q_(numbers(s.n * s.n_kv_heads * s.group * s.head_dim, 3)),
        k_(numbers(s.n * s.n_kv_heads * s.head_dim, 1)),
        v_(numbers(s.n * s.n_kv_heads * s.head_dim, 2)) {}

  /// Rows in steps of `step`; heads as one task, or the two halves of key heads as a task each.
  std::vector<float> run(const Backend& backend, const std::string& spec, const float* sinks,
                         Index step) const {
    RopeContext context;
    context.head_dim = context.rotary_dim = s_.head_dim;
    context.n_ctx_train = context.n_ctx_original = 64, context.n = s_.n;
    const Method method = Method::bind(MethodSpec::parse(spec), context);
    const int n_heads = s_.n_kv_heads * s_.group;
    const Index kv_width = Index{s_.n_kv_heads} * s_.head_dim, q_width = Index{n_heads} * s_.head_dim;
    std::vector<float> out(q_.size());
    const auto kv = backend.make_kv_layer(s_.n_kv_heads, s_.head_dim);
    const Pointwise pointwise = method.pointwise();
    for (Index at = 0; at < s_.n; at += step) {
      const Index n = std::min(step, s_.n - at);
      backend.append(*kv, k_.data() + at * kv_width, v_.data() + at * kv_width, method.lower_keys(at, n));
      const AttentionPlan plan = method.lower(at, n);
      const AttentionTask task{.q = q_.data() + at * q_width,
                               .kv = kv.get(),
                               .plan = &plan,
                               .pointwise = &pointwise,
                               .out = out.data() + at * q_width,
                               .sinks = sinks};
      backend.attention({&task, 1}, n_heads);
    }
    return out;
  }

 private:
  Shape s_;
  std::vector<float> q_, k_, v_;
};

// Beyond a range of 1,024 keys too, where a generated token's ranges go to several threads.
constexpr Shape kShapes[] = {{2, 3, 64, 200}, {1, 5, 80, 100}, {3, 1, 20, 130}, {1, 4, 128, 1500}};
constexpr KvType kKvTypes[] = {KvType::kF32, KvType::kBf16, KvType::kQ8};
constexpr double kBounds[] = {2e-6, 0.005, 0.016};  // as in kernel_test.cpp

std::vector<float> sinks_of(const Shape& s) {
  std::vector<float> sinks = numbers(s.n_kv_heads * s.group, 7, 2);
  sinks[0] = 6;  // most of the row
  return sinks;
}

TEST(Sinks, EqualTheDefinition) {
  const auto reference = make_reference_backend();
  for (const Shape& s : kShapes) {
    const SinkAttention attention(s);
    const std::vector<float> sinks = sinks_of(s);
    for (const char* spec : {"none", "rerope:window=20", "lm-infinite:sink=2,window=40"}) {
      const auto expected = attention.run(*reference, spec, sinks.data(), s.n);
      EXPECT_GT(relative_error(attention.run(*reference, spec, nullptr, s.n), expected), 0.05);
      for (std::size_t i = 0; i < 3; ++i) {
        const auto backend = make_cpu_backend(Precision::kBf16, kKvTypes[i]);
        EXPECT_LT(relative_error(attention.run(*backend, spec, sinks.data(), s.n), expected), kBounds[i])
            << backend->name() << " " << spec << " head_dim " << s.head_dim;
      }
    }
  }
}

TEST(Sinks, BitsDoNotDependOnChunksOrThreads) {
  for (const Shape& s : kShapes) {
    if (s.n > 1000) continue;  // token by token that takes long
    const SinkAttention attention(s);
    const std::vector<float> sinks = sinks_of(s);
    const auto backend = make_cpu_backend(Precision::kBf16);
    const auto whole = attention.run(*backend, "none", sinks.data(), s.n);
    for (const int n_threads : {1, 3}) {
      backend->context()->set_threads(n_threads);
      for (const Index step : {Index{1}, Index{37}}) {
        const auto part = attention.run(*backend, "none", sinks.data(), step);
        EXPECT_EQ(std::memcmp(part.data(), whole.data(), whole.size() * sizeof(float)), 0) << s.head_dim;
      }
      backend->context()->set_threads(0);
    }
  }
}

TEST(Sinks, HugeAndTinyOnesAreTheLimits) {
  const Shape s = kShapes[0];
  const SinkAttention attention(s);
  for (const bool definition : {true, false}) {
    const auto backend = definition ? make_reference_backend() : make_cpu_backend(Precision::kF32);
    const Backend& b = *backend;
    const std::vector<float> low(6, -1e30f), high(6, 1e30f);
    EXPECT_LT(
        relative_error(attention.run(b, "none", low.data(), s.n), attention.run(b, "none", nullptr, s.n)),
        1e-6);
    for (const float x : attention.run(b, "none", high.data(), s.n)) EXPECT_NEAR(x, 0, 1e-30);
  }
}

}  // namespace
}  // namespace rw
