// SPDX-License-Identifier: Apache-2.0
/// Attention of every head_dim to 256 that is a multiple of 16, of 384 and of 512: many rows of a tile
/// (products of several rows and keys, on to the diagonal) and few rows give the same bits, and both the
/// definition.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "relative_error.h"
#include "weights.h"

namespace rw {
namespace {

constexpr int kKvHeads = 1, kGroup = 3;
constexpr Index kRows = 150;  // two key tiles and a part of one; three query tiles of 32 positions and a part

std::vector<float> attend(const Backend& backend, const Method& method, int head_dim, Index step) {
  const Index kv_width = Index{kKvHeads} * head_dim, q_width = kv_width * kGroup;
  const auto q = numbers(kRows * q_width, 3), k = numbers(kRows * kv_width, 1),
             v = numbers(kRows * kv_width, 2);
  std::vector<float> out(q.size());
  const auto kv = backend.make_kv_layer(kKvHeads, head_dim);
  const Pointwise pointwise = method.pointwise();
  for (Index at = 0; at < kRows; at += step) {
    const Index n = std::min(step, kRows - at);
    backend.append(*kv, k.data() + at * kv_width, v.data() + at * kv_width, method.lower_keys(at, n));
    const AttentionPlan plan = method.lower(at, n);
    const AttentionTask task{q.data() + at * q_width, kv.get(), &plan, &pointwise, out.data() + at * q_width};
    backend.attention({&task, 1}, kKvHeads * kGroup);
  }
  return out;
}

TEST(HeadDim, EveryMultipleOf16IsTheDefinitionAndHasTheBitsOfFewRows) {
  const auto reference = make_reference_backend();
  constexpr KvType kTypes[] = {KvType::kF32, KvType::kBf16, KvType::kQ8};
  constexpr double kBounds[] = {2e-6, 0.005, 0.016};  // as in kernel_test.cpp
  for (int head_dim = 16; head_dim <= 512; head_dim += head_dim < 256 ? 16 : 128)
    for (const char* spec : {"none", "rerope:window=20"}) {
      RopeContext context;
      context.head_dim = context.rotary_dim = head_dim;
      context.n_ctx_train = context.n_ctx_original = 64, context.n = kRows;
      const Method method = Method::bind(MethodSpec::parse(spec), context);
      const auto expected = attend(*reference, method, head_dim, kRows);
      for (std::size_t i = 0; i < 3; ++i) {
        const auto backend = make_cpu_backend(Precision::kBf16, kTypes[i]);
        const auto whole = attend(*backend, method, head_dim, kRows);
        EXPECT_LT(relative_error(whole, expected), kBounds[i])
            << backend->name() << " " << spec << " " << head_dim;
        const auto few = attend(*backend, method, head_dim, 5);  // 15 rows of a tile at most
        EXPECT_EQ(std::memcmp(few.data(), whole.data(), whole.size() * sizeof(float)), 0)
            << backend->name() << " " << spec << " " << head_dim;
      }
    }
}

}  // namespace
}  // namespace rw
