// SPDX-License-Identifier: Apache-2.0
/// Values of another width than keys, narrower and wider, with a rotation of a part of each head: many rows
/// and few give the same bits, and both the definition; so do caches that were forked, cut back, saved,
/// rotated anew and of some of the heads.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "core/error.h"
#include "kernels/kernels.h"
#include "methods/method.h"
#include "relative_error.h"
#include "weights.h"

namespace rw {
namespace {

constexpr int kHeads = 2, kGroup = 3;
constexpr Index kRows = 300;  // a block of keys and a part of one

struct Widths {
  int key, value, rotated;
};
constexpr Widths kWidths[] = {{192, 128, 64}, {96, 64, 32}, {64, 128, 64}, {128, 64, 128},
                              {24, 10, 8},    {20, 40, 6},  {16, 1, 16}};

Method bound(const Widths& w, const char* spec) {
  RopeContext context;
  context.head_dim = w.key, context.rotary_dim = w.rotated;
  context.n_ctx_train = context.n_ctx_original = 64, context.n = kRows;
  return Method::bind(MethodSpec::parse(spec), context);
}

struct Numbers {
  std::vector<float> q, k, v;
  explicit Numbers(const Widths& w)
      : q(numbers(kRows * kHeads * kGroup * w.key, 3)),
        k(numbers(kRows * kHeads * w.key, 1)),
        v(numbers(kRows * kHeads * w.value, 2)) {}
};

void append(const Backend& backend, KvLayer& kv, const Numbers& in, const Widths& w, const Method& method,
            Index begin, Index n) {
  backend.append(kv, in.k.data() + begin * kHeads * w.key, in.v.data() + begin * kHeads * w.value,
                 method.lower_keys(begin, n));
}

/// Rows [begin, begin + n) against what the cache holds.
void attend(const Backend& backend, const KvLayer& kv, const Numbers& in, const Widths& w,
            const Method& method, Index begin, Index n, std::vector<float>& out) {
  const Pointwise pointwise = method.pointwise();
  const AttentionPlan plan = method.lower(begin, n);
  const AttentionTask task{in.q.data() + begin * kHeads * kGroup * w.key, &kv, &plan, &pointwise,
                           out.data() + begin * kHeads * kGroup * w.value};
  backend.attention({&task, 1}, kHeads * kGroup);
}

std::vector<float> attended(const Backend& backend, const Widths& w, const Method& method, Index step) {
  const Numbers in(w);
  std::vector<float> out(static_cast<std::size_t>(kRows * kHeads * kGroup * w.value));
  const auto kv = backend.make_kv_layer(kHeads, w.key, w.value);
  for (Index at = 0; at < kRows; at += step) {
    const Index n = std::min(step, kRows - at);
    append(backend, *kv, in, w, method, at, n);
    attend(backend, *kv, in, w, method, at, n, out);
  }
  return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(ValueDim, IsTheDefinitionAndHasTheBitsOfFewRows) {
  const auto reference = make_reference_backend();
  constexpr KvType kTypes[] = {KvType::kF32, KvType::kBf16, KvType::kQ8};
  constexpr double kBounds[] = {2e-6, 0.005, 0.016};  // as in kernel_test.cpp
  for (const Widths& w : kWidths)
    for (const char* spec : {"none", "rerope:window=20"}) {
      const Method method = bound(w, spec);
      const auto expected = attended(*reference, w, method, kRows);
      for (std::size_t i = 0; i < 3; ++i) {
        const auto backend = make_cpu_backend(Precision::kBf16, kTypes[i]);
        SCOPED_TRACE(fmt::format("{} {} {} {}", backend->name(), spec, w.key, w.value));
        const auto whole = attended(*backend, w, method, kRows);
        EXPECT_LT(relative_error(whole, expected), kBounds[i]);
        EXPECT_TRUE(same(attended(*backend, w, method, 5), whole));  // 15 rows of a tile at most
      }
    }
}

/// `change` makes another cache of one that holds 280 keys, of which the last 10 may be others.
void expect_bits_after(const std::function<std::unique_ptr<KvLayer>(const Backend&, std::unique_ptr<KvLayer>,
                                                                    const Method&)>& change) {
  for (const Widths& w : kWidths)
    for (const KvType type : {KvType::kF32, KvType::kBf16, KvType::kQ8}) {
      const auto backend = make_cpu_backend(Precision::kBf16, type);
      SCOPED_TRACE(fmt::format("{} {} {}", backend->name(), w.key, w.value));
      const Method method = bound(w, "none");
      const Numbers in(w);
      std::vector<float> expected(static_cast<std::size_t>(kRows * kHeads * kGroup * w.value)),
          out(expected.size());
      const auto straight = backend->make_kv_layer(kHeads, w.key, w.value);
      append(*backend, *straight, in, w, method, 0, kRows);
      attend(*backend, *straight, in, w, method, 270, 30, expected);
      auto kv = backend->make_kv_layer(kHeads, w.key, w.value);
      append(*backend, *kv, in, w, method, 0, 280);
      kv = change(*backend, std::move(kv), method);
      append(*backend, *kv, in, w, method, kv->n_keys(), kRows - kv->n_keys());
      attend(*backend, *kv, in, w, method, 270, 30, out);
      EXPECT_TRUE(same(out, expected));
      EXPECT_EQ(kv->bytes(), straight->bytes());
      EXPECT_EQ(kv->bytes(), 2 * 256 * kv_bytes_per_key(type, kHeads, w.key, w.value, 1));
    }
}

TEST(ValueDim, CutBackAndForkedCachesHaveTheBits) {
  expect_bits_after([](const Backend& backend, std::unique_ptr<KvLayer> kv, const Method&) {
    backend.truncate(*kv, 270);
    return kv;
  });
  expect_bits_after([](const Backend& backend, std::unique_ptr<KvLayer> kv, const Method&) {
    return backend.fork(*kv, 270);
  });
}

TEST(ValueDim, SavedCachesHaveTheBits) {
  expect_bits_after([](const Backend& backend, std::unique_ptr<KvLayer> kv, const Method& method) {
    std::vector<std::byte> saved;
    backend.save(
        *kv, [&](std::span<const std::byte> part) { saved.insert(saved.end(), part.begin(), part.end()); });
    auto loaded = backend.make_kv_layer(kHeads, kv->head_dim, kv->value_dim);
    std::size_t at = 0;
    backend.load(*loaded, 280, method.lower_keys(0, 280), 280, [&](std::span<std::byte> part) {
      std::memcpy(part.data(), saved.data() + at, part.size());
      at += part.size();
    });
    EXPECT_EQ(at, saved.size());
    return loaded;
  });
}

TEST(ValueDim, KeysThatAreRotatedAnewKeepTheirValues) {
  for (const Widths& w : kWidths)
    for (const KvType type : {KvType::kF32, KvType::kBf16}) {
      const auto backend = make_cpu_backend(Precision::kBf16, type);
      SCOPED_TRACE(fmt::format("{} {} {}", backend->name(), w.key, w.value));
      const Method grows = bound(w, "dynamic-ntk:grow=1"), method = grows.at_length(kRows);
      const Numbers in(w);
      std::vector<float> expected(static_cast<std::size_t>(kRows * kHeads * kGroup * w.value)),
          out(expected.size());
      const auto raw = backend->make_kv_layer(kHeads, w.key, w.value),
                 scratch = backend->make_kv_layer(kHeads, w.key, w.value),
                 direct = backend->make_kv_layer(kHeads, w.key, w.value);
      backend->append(*raw, in.k.data(), in.v.data(), grows.raw_keys(0, kRows));
      backend->rotate_into(*scratch, *raw, method.lower_keys(0, kRows, false));
      append(*backend, *direct, in, w, method, 0, kRows);
      attend(*backend, *direct, in, w, method, 200, 100, expected);
      attend(*backend, *scratch, in, w, method, 200, 100, out);
      EXPECT_LT(relative_error(out, expected), type == KvType::kF32 ? 2e-6 : 0.01);
    }
}

TEST(ValueDim, HeadsOfTheirOwnStandAmongOthers) {
  const auto backend = make_cpu_backend(Precision::kBf16, KvType::kF32);
  for (const Widths& w : kWidths) {
    const Method method = bound(w, "none");
    const Numbers in(w);
    const auto expected = attended(*backend, w, method, kRows);
    std::vector<float> out(expected.size());
    const Pointwise pointwise = method.pointwise();
    const AttentionPlan plan = method.lower(0, kRows);
    for (int head = 0; head < kHeads; ++head) {
      const auto kv = backend->make_kv_layer(1, w.key, w.value);
      backend->append(*kv, in.k.data() + head * w.key, Index{kHeads} * w.key, in.v.data() + head * w.value,
                      Index{kHeads} * w.value, method.lower_keys(0, kRows));
      const AttentionTask task{.q = in.q.data() + Index{head} * kGroup * w.key,
                               .kv = kv.get(),
                               .plan = &plan,
                               .pointwise = &pointwise,
                               .out = out.data() + Index{head} * kGroup * w.value,
                               .n_heads = kGroup,
                               .stride = Index{kHeads} * kGroup * w.key,
                               .out_stride = Index{kHeads} * kGroup * w.value};
      backend->attention({&task, 1}, kHeads * kGroup);
    }
    EXPECT_TRUE(same(out, expected)) << w.key << " " << w.value;
  }
}

TEST(ValueDim, ABackendJoinsWhatHeadsShareAndTheirOwn) {
  const auto backend = make_reference_backend();
  const float shared[] = {1, 2, 3, 4}, own[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
  std::vector<float> y(20);
  backend->join_heads(shared, 2, own, 3, 2, 2, y.data());
  EXPECT_EQ(y, (std::vector<float>{1, 2, 10, 11, 12, 1, 2, 13, 14, 15, 3, 4, 16, 17, 18, 3, 4, 19, 20, 21}));
}

}  // namespace
}  // namespace rw
