// SPDX-License-Identifier: Apache-2.0
/// Attention of many sequences in one call: each gets the bits that it gets alone, whatever stands beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

constexpr int kHeads = 6;

/// One sequence: n_keys are in its cache, and the last n_rows of them ask.
struct Sequence {
  std::string spec;
  int n_kv_heads, head_dim;
  Index n_keys, n_rows;
  float soft_cap = 0;
};

/// Methods, lengths, rows, heads and head sizes by turns; most are short, one is long.
std::vector<Sequence> sequences(std::size_t n) {
  const char* specs[] = {"none", "rerope:window=20", "streaming-llm:sink=4,window=40",
                         "self-extend:window=16,group=4"};
  const Index n_keys[] = {1, 64, 65, 200, 1100, 17, 2600, 130}, n_rows[] = {1, 1, 64, 33, 1, 17, 2, 100};
  const int n_kv_heads[] = {1, 2, 3, 6}, head_dims[] = {32, 64, 80};
  std::vector<Sequence> result;
  for (std::size_t i = 0; i < n; ++i)
    result.push_back({specs[i % 4], n_kv_heads[i / 3 % 4], head_dims[i % 3], n_keys[i % 8], n_rows[i % 8],
                      i % 5 == 4 ? 2.0f : 0.0f});
  return result;
}

/// What a call reads and writes of a sequence.
struct Bound {
  Bound(const Backend& backend, const Sequence& s, unsigned seed)
      : sequence(s),
        q(numbers(s.n_rows * kHeads * s.head_dim, seed)),
        k(numbers(s.n_keys * s.n_kv_heads * s.head_dim, seed + 1)),
        v(numbers(s.n_keys * s.n_kv_heads * s.head_dim, seed + 2)),
        out(q.size()),
        kv(backend.make_kv_layer(s.n_kv_heads, s.head_dim)) {
    RopeContext context;
    context.head_dim = context.rotary_dim = s.head_dim;
    context.n_ctx_train = context.n_ctx_original = 2000, context.n = s.n_keys;
    const Method method = Method::bind(MethodSpec::parse(s.spec), context);
    pointwise = method.pointwise();
    pointwise.soft_cap = static_cast<double>(s.soft_cap);
    backend.append(*kv, k.data(), v.data(), method.lower_keys(0, s.n_keys));
    plan = method.lower(s.n_keys - s.n_rows, s.n_rows);
    plan.soft_cap = s.soft_cap;
  }
  AttentionTask task() { return {q.data(), kv.get(), &plan, &pointwise, out.data()}; }

  Sequence sequence;
  std::vector<float> q, k, v, out;
  std::unique_ptr<KvLayer> kv;
  AttentionPlan plan;
  Pointwise pointwise;
};

std::vector<Bound> bind(const Backend& backend, std::size_t n) {
  std::vector<Bound> result;
  for (const Sequence& s : sequences(n))
    result.emplace_back(backend, s, static_cast<unsigned>(3 * result.size()));
  return result;
}

TEST(Batch, EachSequenceGetsTheBitsThatItGetsAlone) {
  for (KvType type : {KvType::kBf16, KvType::kF32, KvType::kQ8}) {
    const auto backend = make_cpu_backend(Precision::kBf16, type);
    for (std::size_t n : {1, 2, 7, 40}) {
      std::vector<Bound> all = bind(*backend, n);
      std::vector<std::vector<float>> alone;
      for (Bound& each : all) {
        const AttentionTask task = each.task();
        backend->attention({&task, 1}, kHeads);
        alone.push_back(each.out);
      }
      for (int n_threads : {1, 2, 3, 16, 64})
        for (bool backwards : {false, true}) {
          std::vector<AttentionTask> tasks;
          for (Bound& each : all) {
            std::fill(each.out.begin(), each.out.end(), 7.0f);
            tasks.push_back(each.task());
          }
          if (backwards) std::reverse(tasks.begin(), tasks.end());
          backend->context()->set_threads(n_threads);
          backend->attention(tasks, kHeads);
          backend->context()->set_threads(0);
          for (std::size_t i = 0; i < n; ++i)
            ASSERT_EQ(std::memcmp(all[i].out.data(), alone[i].data(), alone[i].size() * sizeof(float)), 0)
                << backend->name() << " sequence " << i << " of " << n << ", " << n_threads << " threads";
        }
    }
  }
}

TEST(Batch, EqualsTheDefinition) {
  const auto reference = make_reference_backend(), backend = make_cpu_backend(Precision::kF32);
  std::vector<Bound> expected = bind(*reference, 12), got = bind(*backend, 12);
  std::vector<AttentionTask> tasks[2];
  for (std::size_t i = 0; i < got.size(); ++i) {
    tasks[0].push_back(expected[i].task());
    tasks[1].push_back(got[i].task());
  }
  reference->attention(tasks[0], kHeads);
  backend->attention(tasks[1], kHeads);
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_LT(relative_error(got[i].out, expected[i].out), 1e-5) << got[i].sequence.spec << " " << i;
}

/// A call without sequences or without rows does nothing.
TEST(Batch, NoSequenceAndNoRows) {
  const auto backend = make_cpu_backend(Precision::kBf16);
  backend->attention({}, kHeads);
  Bound none(*backend, {"none", 2, 32, 10, 0}, 1), one(*backend, {"none", 2, 32, 10, 3}, 1);
  const AttentionTask tasks[] = {none.task(), one.task(), none.task()};
  backend->attention(tasks, kHeads);
  const std::vector<float> together = one.out;
  backend->attention({tasks + 1, 1}, kHeads);
  EXPECT_EQ(together, one.out);
}

}  // namespace
}  // namespace rw
