// SPDX-License-Identifier: Apache-2.0
/// The cache itself: what it holds and when it lets go, and a copy rotated again in every way it can be
/// stored.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

constexpr KvType kKvTypes[] = {KvType::kBf16, KvType::kF32, KvType::kQ8};
constexpr int kHeads = 2, kHeadDim = 20;
constexpr Index kWidth = Index{kHeads} * kHeadDim;

std::unique_ptr<Backend> backend_of(KvType type) {
  return make_cpu_backend(type == KvType::kF32 ? Precision::kF32 : Precision::kBf16, type);
}

Method bound(const std::string& spec, int rotary_dim, Index n) {
  RopeContext context;
  context.head_dim = kHeadDim, context.rotary_dim = rotary_dim;
  context.n_ctx_train = context.n_ctx_original = 64, context.n = n;
  return Method::bind(MethodSpec::parse(spec), context);
}

/// Rows that 8 bits hold exactly: whole numbers that reach 127 in each head.
std::vector<float> whole_numbers(Index n_rows) {
  std::vector<float> rows(static_cast<std::size_t>(n_rows * kWidth));
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = i % kHeadDim == 7 ? 127.0f : static_cast<float>(static_cast<int>(i * 37 % 255) - 127);
  return rows;
}

/// What every row (or row `begin` and later) reads from the cache.
std::vector<float> read(const Backend& backend, const KvLayer& kv, const Method& method, Index begin,
                        Index n) {
  const auto q = numbers(n * kWidth, 3, 0.02f);
  std::vector<float> out(static_cast<std::size_t>((n - begin) * kWidth));
  const AttentionPlan plan = method.lower(begin, n - begin);
  const Pointwise pointwise = method.pointwise();
  const AttentionTask task{q.data() + begin * kWidth, &kv, &plan, &pointwise, out.data()};
  backend.attention({&task, 1}, kHeads);
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// An even and an odd number of pairs: where bf16 has an odd one, and for 8 bits, keys are rotated one by
/// one.
TEST(Rotated, EqualsAppendingRotatedInEveryWayToStore) {
  constexpr Index n = 300;
  const auto k = whole_numbers(n), v = whole_numbers(n);
  for (const KvType type : kKvTypes) {
    const auto backend = backend_of(type);
    for (const int rotary_dim : {12, 10, 20}) {
      const Method method = bound("dynamic-yarn:grow=1+rerope:window=20", rotary_dim, n);
      const auto raw = backend->make_kv_layer(kHeads, kHeadDim),
                 scratch = backend->make_kv_layer(kHeads, kHeadDim),
                 direct = backend->make_kv_layer(kHeads, kHeadDim);
      for (const auto& [begin, size] : {std::pair<Index, Index>{0, 1}, {1, 255}, {256, 44}}) {
        backend->append(*raw, k.data() + begin * kWidth, v.data() + begin * kWidth,
                        method.raw_keys(begin, size));
        const Method now = method.at_length(begin + size);  // scratch is reused while it grows
        backend->rotate_into(*scratch, *raw, now.lower_keys(0, begin + size));
      }
      const Method now = method.at_length(n);
      backend->append(*direct, k.data(), v.data(), now.lower_keys(0, n));
      EXPECT_EQ(scratch->n_keys(), n);
      EXPECT_EQ(scratch->bytes(), direct->bytes());
      EXPECT_TRUE(same_bits(read(*backend, *scratch, now, 0, n), read(*backend, *direct, now, 0, n)))
          << static_cast<int>(type) << " " << rotary_dim;
    }
  }
}

/// A copy of a cache whose window has passed holds no more than the cache, and the same rows read the same.
TEST(Rotated, HoldsWhatTheCacheStillHolds) {
  constexpr Index n = 700;
  const auto k = whole_numbers(n + 1), v = whole_numbers(n + 1);
  for (const KvType type : kKvTypes) {
    const auto backend = backend_of(type);
    const Method method = bound("dynamic-ntk:grow=1+window:window=100", 10, n + 1);
    const auto raw = backend->make_kv_layer(kHeads, kHeadDim),
               scratch = backend->make_kv_layer(kHeads, kHeadDim),
               whole = backend->make_kv_layer(kHeads, kHeadDim);
    backend->append(*raw, k.data(), v.data(), method.raw_keys(0, n));
    backend->drop(*raw, n);
    backend->rotate_into(*scratch, *raw, method.at_length(n).lower_keys(0, n));
    backend->append(*whole, k.data(), v.data(), method.at_length(n).lower_keys(0, n));
    EXPECT_EQ(scratch->bytes(), raw->bytes());
    EXPECT_LT(scratch->bytes(), whole->bytes());
    const Method now = method.at_length(n);
    EXPECT_TRUE(same_bits(read(*backend, *scratch, now, n - 1, n), read(*backend, *whole, now, n - 1, n)));
  }
}

/// A block of 256 keys goes when no later row reads any of them, and no row earlier: with a window of w, row
/// i reads from key i - w + 1 on.
TEST(Drop, HappensAtTheRowThatReadsTheBlockNoMore) {
  constexpr Index n = 1024;
  const auto k = whole_numbers(n), v = whole_numbers(n);
  const auto backend = backend_of(KvType::kF32);
  const std::size_t block_bytes = std::size_t{256} * 4 * kHeads * (kHeadDim + 32);  // values: padded to 32
  for (const Index window : {Index{1}, Index{100}, Index{256}, Index{300}}) {
    const Method method = bound("window:window=" + std::to_string(window), kHeadDim, n);
    const auto kv = backend->make_kv_layer(kHeads, kHeadDim);
    backend->append(*kv, k.data(), v.data(), method.lower_keys(0, n));
    EXPECT_EQ(kv->bytes(), 4 * block_bytes);
    for (const Index row :
         {Index{0}, 255 + window - 1, 256 + window - 1, 511 + window - 1, 512 + window - 1}) {
      if (row >= n) continue;
      backend->drop(*kv, row);
      const Index first_read = std::max<Index>(0, row - window + 1);
      EXPECT_EQ(kv->bytes(), (4 - static_cast<std::size_t>(first_read / 256)) * block_bytes)
          << window << " " << row;
    }
  }
}

/// Sinks stay, whatever passes: their blocks whole, and the blocks between them and the window go.
TEST(Drop, KeepsTheSinks) {
  constexpr Index n = 1024;
  const auto k = whole_numbers(n), v = whole_numbers(n);
  const auto backend = backend_of(KvType::kF32);
  for (const Index sink : {Index{1}, Index{256}, Index{257}}) {
    const Method method = bound("lambda:sink=" + std::to_string(sink) + ",window=100", kHeadDim, n);
    const auto kv = backend->make_kv_layer(kHeads, kHeadDim),
               whole = backend->make_kv_layer(kHeads, kHeadDim);
    backend->append(*kv, k.data(), v.data(), method.lower_keys(0, n));
    backend->append(*whole, k.data(), v.data(), method.lower_keys(0, n));
    const std::size_t before = kv->bytes();
    backend->drop(*kv, n - 1);
    // The last row reads from key 924 on: block 3 of four, and as many blocks of sinks as they touch.
    const std::size_t kept = 1 + static_cast<std::size_t>((sink + 255) / 256);
    EXPECT_EQ(kv->bytes() * 4, before * kept) << sink;
    EXPECT_TRUE(same_bits(read(*backend, *kv, method, n - 1, n), read(*backend, *whole, method, n - 1, n)));
  }
}

/// Cut back to any number of keys, and gone on with others, it is the cache that read those from the start:
/// its bits and its bytes.
TEST(Truncated, IsAsIfItHadNeverReadOn) {
  constexpr Index n = 600;
  const auto k = whole_numbers(n + 7), v = whole_numbers(n + 7);
  std::vector<std::unique_ptr<Backend>> backends;
  for (const KvType type : kKvTypes) backends.push_back(backend_of(type));
  backends.push_back(make_reference_backend());
  const Method method = bound("lambda:sink=5,window=300", kHeadDim, n);
  for (const auto& backend : backends) {
    for (const Index kept : {Index{0}, Index{1}, Index{255}, Index{256}, Index{257}, Index{512}, n}) {
      const auto kv = backend->make_kv_layer(kHeads, kHeadDim),
                 direct = backend->make_kv_layer(kHeads, kHeadDim),
                 only_kept = backend->make_kv_layer(kHeads, kHeadDim);
      backend->append(*kv, k.data(), v.data(), method.lower_keys(0, kept));
      backend->append(*kv, k.data() + 7 * kWidth, v.data() + 7 * kWidth, method.lower_keys(kept, n - kept));
      backend->truncate(*kv, kept);
      backend->append(*only_kept, k.data(), v.data(), method.lower_keys(0, kept));
      EXPECT_EQ(kv->n_keys(), kept) << backend->name();
      EXPECT_EQ(kv->bytes(), only_kept->bytes()) << backend->name() << " " << kept;
      // Others than those that stood there.
      const auto* rest_k = k.data() + kept * kWidth;
      const auto* rest_v = v.data() + kept * kWidth;
      backend->append(*kv, rest_k, rest_v, method.lower_keys(kept, n - kept));
      backend->append(*direct, k.data(), v.data(), method.lower_keys(0, n));
      EXPECT_EQ(kv->bytes(), direct->bytes()) << backend->name() << " " << kept;
      EXPECT_TRUE(same_bits(read(*backend, *kv, method, n - 9, n), read(*backend, *direct, method, n - 9, n)))
          << backend->name() << " " << kept;
    }
  }
}

}  // namespace
}  // namespace rw
