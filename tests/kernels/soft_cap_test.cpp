// SPDX-License-Identifier: Apache-2.0
/// Attention whose logits are capped, against the definition: head sizes, groups, caches, methods, and scores
/// that are large or not finite.
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

Method bind(const std::string& spec, const Shape& s) {
  RopeContext context;
  context.head_dim = context.rotary_dim = s.head_dim;
  context.n_ctx_train = context.n_ctx_original = 64, context.n = s.n;
  return Method::bind(MethodSpec::parse(spec), context);
}

struct Rows {
  std::vector<float> q, k, v;
  explicit Rows(const Shape& s, float size = 1)
      : q(numbers(s.n * s.n_kv_heads * s.group * s.head_dim, 3, size)),
        k(numbers(s.n * s.n_kv_heads * s.head_dim, 1)),
        v(numbers(s.n * s.n_kv_heads * s.head_dim, 2)) {}
};

/// Attention of all rows in steps of `step`, under a cap.
std::vector<float> attend(const Backend& backend, const Method& method, const Shape& s, const Rows& in,
                          float soft_cap, Index step) {
  const int n_heads = s.n_kv_heads * s.group;
  const Index kv_width = Index{s.n_kv_heads} * s.head_dim, q_width = Index{n_heads} * s.head_dim;
  std::vector<float> out(in.q.size());
  const auto kv = backend.make_kv_layer(s.n_kv_heads, s.head_dim);
  Pointwise pointwise = method.pointwise();
  pointwise.soft_cap = static_cast<double>(soft_cap);
  for (Index at = 0; at < s.n; at += step) {
    const Index n = std::min(step, s.n - at);
    backend.append(*kv, in.k.data() + at * kv_width, in.v.data() + at * kv_width, method.lower_keys(at, n));
    AttentionPlan plan = method.lower(at, n);
    plan.soft_cap = soft_cap;
    const AttentionTask task{in.q.data() + at * q_width, kv.get(), &plan, &pointwise,
                             out.data() + at * q_width};
    backend.attention({&task, 1}, n_heads);
  }
  return out;
}

constexpr Shape kShapes[] = {{2, 3, 64, 200}, {1, 8, 256, 130}, {1, 5, 80, 100},
                             {3, 1, 20, 130}, {1, 16, 128, 70}, {1, 7, 96, 65}};
constexpr KvType kKvTypes[] = {KvType::kF32, KvType::kBf16, KvType::kQ8};
constexpr double kBounds[] = {2e-6, 0.005, 0.016};  // as in kernel_test.cpp: a cap makes no rounding larger

/// Logits have a deviation of 1: a cap of 1 bends most of them, and one of 30 few.
TEST(SoftCap, EqualsTheDefinition) {
  const auto reference = make_reference_backend();
  for (const Shape& s : kShapes)
    for (const char* spec : {"none", "rerope:window=20", "window:window=40"})
      for (float cap : {1.0f, 30.0f}) {
        const Method method = bind(spec, s);
        const Rows in(s);
        const auto expected = attend(*reference, method, s, in, cap, s.n);
        for (std::size_t i = 0; i < 3; ++i) {
          const auto backend = make_cpu_backend(Precision::kBf16, kKvTypes[i]);
          EXPECT_LT(relative_error(attend(*backend, method, s, in, cap, s.n), expected), kBounds[i])
              << backend->name() << " " << spec << " head_dim " << s.head_dim << " cap " << cap;
        }
      }
}

TEST(SoftCap, TheBoundsShowACapThatIsMissingOrInOtherUnits) {
  const Shape s = kShapes[0];
  const Method method = bind("none", s);
  const Rows in(s);
  const auto backend = make_cpu_backend(Precision::kF32);
  const auto right = attend(*backend, method, s, in, 1, s.n);
  EXPECT_GT(relative_error(attend(*backend, method, s, in, 0, s.n), right), kBounds[2]);
  EXPECT_GT(relative_error(attend(*backend, method, s, in, 1.4427f, s.n), right), kBounds[2]);
}

TEST(SoftCap, BitsDoNotDependOnChunksOrThreads) {
  for (const Shape& s : kShapes) {
    const Method method = bind("rerope:window=20", s);
    const Rows in(s);
    for (KvType type : kKvTypes) {
      const auto backend = make_cpu_backend(Precision::kBf16, type);
      const auto whole = attend(*backend, method, s, in, 2, s.n);
      for (int n_threads : {1, 3}) {
        backend->context()->set_threads(n_threads);
        for (Index step : {Index{1}, Index{37}, s.n}) {
          const auto part = attend(*backend, method, s, in, 2, step);
          EXPECT_EQ(std::memcmp(part.data(), whole.data(), whole.size() * sizeof(float)), 0)
              << backend->name() << " " << s.head_dim;
        }
        backend->context()->set_threads(0);
      }
    }
  }
}

/// Where no score stays below the cap, each is the cap or its negative, and all is finite.
TEST(SoftCap, HugeScoresAreTheCap) {
  const auto reference = make_reference_backend();
  for (const Shape& s : kShapes) {
    const Method method = bind("none", s);
    const Rows in(s, 1e15f);
    const auto expected = attend(*reference, method, s, in, 1, s.n);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto backend = make_cpu_backend(Precision::kBf16, kKvTypes[i]);
      // A score near 0 that rounding turns around goes from one end to the other: one pair in a hundred with
      // 8 bits.
      EXPECT_LT(relative_error(attend(*backend, method, s, in, 1, s.n), expected), i == 0 ? 1e-3 : 0.1)
          << backend->name() << " " << s.head_dim;
    }
  }
}

TEST(SoftCap, ANumberThatIsNoneIsNotCapped) {
  const Shape s{2, 3, 64, 200};
  constexpr Index kBad = 100;
  const Method method = bind("none", s);
  const Rows clean(s);
  for (int place = 0; place < 3; ++place) {
    Rows bad(s);
    auto& x = place == 0 ? bad.q : place == 1 ? bad.k : bad.v;
    x[static_cast<std::size_t>(kBad * static_cast<Index>(x.size()) / s.n)] = NAN;  // of its first head
    const auto expected = attend(*make_reference_backend(), method, s, bad, 2, s.n);
    for (KvType type : kKvTypes) {
      const auto backend = make_cpu_backend(Precision::kBf16, type);
      const auto got = attend(*backend, method, s, bad, 2, s.n),
                 without = attend(*backend, method, s, clean, 2, s.n);
      Index n_bad = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(expected[i])) {
          ++n_bad;
          ASSERT_TRUE(std::isnan(got[i])) << place << " " << i;
        } else if (type != KvType::kQ8) {  // where a row shares its scale
          ASSERT_EQ(got[i], without[i]) << place << " " << i;
        }
      }
      EXPECT_GT(n_bad, 0);
    }
  }
}

}  // namespace
}  // namespace rw
