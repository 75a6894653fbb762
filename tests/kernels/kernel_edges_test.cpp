// SPDX-License-Identifier: Apache-2.0
/// The corners that kernel_test.cpp does not visit: head sizes x groups x lengths at the tile borders with
/// tolerances that scale with |v|, and dropping while the windows of every method pass.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Shape {
  int n_kv_heads, group, head_dim, rotary_dim;
  Index n;
};

Method bind(const std::string& spec, const Shape& s) {
  RopeContext context;
  context.head_dim = s.head_dim, context.rotary_dim = s.rotary_dim;
  context.n_ctx_train = context.n_ctx_original = 64, context.n = s.n;
  context.long_factors.assign(static_cast<std::size_t>(s.rotary_dim) / 2, 2.0);
  context.short_factors.assign(static_cast<std::size_t>(s.rotary_dim) / 2, 1.0);
  return Method::bind(MethodSpec::parse(spec), context);
}

struct Numbers {
  std::vector<float> q, k, v;
  explicit Numbers(const Shape& s)
      : q(numbers(s.n * s.n_kv_heads * s.group * s.head_dim, 3)),
        k(numbers(s.n * s.n_kv_heads * s.head_dim, 1)),
        v(numbers(s.n * s.n_kv_heads * s.head_dim, 2)) {}
  double largest_value() const {
    float top = 0;
    for (float x : v) top = std::max(top, std::abs(x));
    return static_cast<double>(top);
  }
};

/// Attention of all rows in steps of the given sizes (the last repeats).
std::vector<float> attend(const Backend& backend, const Method& method, const Shape& s, const Numbers& in,
                          const std::vector<Index>& steps, bool drop = false) {
  const int n_heads = s.n_kv_heads * s.group;
  const Index kv_width = Index{s.n_kv_heads} * s.head_dim, q_width = Index{n_heads} * s.head_dim;
  std::vector<float> out(in.q.size());
  const auto kv = backend.make_kv_layer(s.n_kv_heads, s.head_dim);
  const Pointwise pointwise = method.pointwise();
  std::size_t next = 0;
  for (Index done = 0; done < s.n;) {
    const Index size = std::min(s.n - done, steps[std::min(next++, steps.size() - 1)]);
    backend.append(*kv, in.k.data() + done * kv_width, in.v.data() + done * kv_width,
                   method.lower_keys(done, size));
    const AttentionPlan plan = method.lower(done, size);
    const AttentionTask task{in.q.data() + done * q_width, kv.get(), &plan, &pointwise,
                             out.data() + done * q_width};
    backend.attention({&task, 1}, n_heads);
    done += size;
    if (drop) backend.drop(*kv, done);
  }
  return out;
}

struct Error {
  double largest = 0, mean_square = 0;  // absolute; mean of squares
};
Error error(const std::vector<float>& a, const std::vector<float>& b) {
  Error e;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    e.largest = std::isnan(d) ? INFINITY : std::max(e.largest, d);
    e.mean_square += d * d / static_cast<double>(a.size());
  }
  return e;
}

/// Worst errors over the largest |v|.
struct Worst {
  double f32 = 0, bf16 = 0, rms = 0;
  void print() const {
    std::printf("worst error / max|v|: f32 %.2g, bf16 %.2g (rms %.2g)\n", f32, bf16, rms);
  }
};

void expect_definition(const std::string& spec, const Shape& s, Worst& worst) {
  const auto reference = make_reference_backend();
  const auto f32 = make_cpu_backend(Precision::kF32), bf16 = make_cpu_backend(Precision::kBf16);
  const Method method = bind(spec, s);
  const Numbers in(s);
  const double v = in.largest_value();
  const std::string what = spec + " dim " + std::to_string(s.head_dim) + " group " + std::to_string(s.group) +
                           " n " + std::to_string(s.n);
  const auto expected = attend(*reference, method, s, in, {s.n});
  // f32, u = 2^-24 = 6e-8. A logit sums d <= 256 products: error about sqrt(d) u |logit terms| <= 1e-6, and
  // the rotations' cosines add 2 u of |q||k|/sqrt(d) <= 20: 2.4e-6. It moves each weight by that share, exp2
  // by 2e-7, and the weighted mean of v (|mean| <= max|v|) by at most twice: below 1e-5 max|v|, doubled for
  // margin.
  const Error a = error(attend(*f32, method, s, in, {s.n}), expected);
  EXPECT_LE(a.largest, 2e-5 * v) << what;
  // bf16, u = 2^-9; q, k, v are exact, but rotated q and k, and the weights, round. A logit errs by about
  // sqrt(2) u |q||k| / d = 2^-8.5 sigma, sigma ~ 1 x row scale: some 1 % at 3 sigma, and so does a weight.
  // The error of the mean of v is a weighted sum of independent errors: 2^-7 max|v| bounds its root mean
  // square; single elements reach 5 sigma.
  const Error b = error(attend(*bf16, method, s, in, {s.n}), expected);
  EXPECT_LE(std::sqrt(b.mean_square), 0x1p-7 * v) << what;
  EXPECT_LE(b.largest, 5 * 0x1p-7 * v) << what;
  worst.f32 = std::max(worst.f32, a.largest / v), worst.bf16 = std::max(worst.bf16, b.largest / v);
  worst.rms = std::max(worst.rms, std::sqrt(b.mean_square) / v);
}

TEST(AttentionEdges, EveryHeadSizeGroupAndLengthEqualsTheDefinition) {
  Worst worst;
  for (const char* spec : {"none", "yarn:factor=4+rerope:window=20+logn",
                           "dca:chunk=24,local=8+window:window=70", "lm-infinite:sink=2,window=30"}) {
    for (const auto& [dim, rotary] :
         {std::pair{16, 16}, {16, 8}, {20, 20}, {20, 12}, {64, 32}, {128, 128}, {256, 64}}) {
      for (int group : {1, 2, 3, 8}) {
        for (Index n : {1, 2, 63, 64, 65, 130, 300}) {
          if (n >= 130 && (dim > 64 || group > 2) && (n == 300 || group == 8))
            continue;  // the reference is slow; the tiles are the same
          expect_definition(spec, {group == 8 ? 1 : 2, group, dim, rotary, n}, worst);
        }
      }
    }
  }
  worst.print();
}

/// Sizes that the last registers of a tile take in other numbers, and those that fill no register; one KV
/// head for all, and groups that divide no tile of rows.
TEST(AttentionEdges, HeadSizesAndGroupsOfOtherFamiliesEqualTheDefinition) {
  Worst worst;
  for (const char* spec : {"none", "rerope:window=20"})
    for (const auto& [dim, rotary, group] : {std::tuple{48, 48, 3},
                                             {80, 32, 5},
                                             {96, 96, 7},
                                             {112, 112, 1},
                                             {144, 144, 2},
                                             {160, 160, 4},
                                             {176, 88, 3},
                                             {192, 192, 16},
                                             {208, 208, 1},
                                             {224, 224, 1},
                                             {240, 240, 1},
                                             {256, 256, 16},
                                             {24, 24, 5},
                                             {72, 72, 7},
                                             {100, 50, 16},
                                             {250, 250, 3}})
      for (Index n : {1, 65, 100})
        expect_definition(spec, {group == 16 ? 1 : 2, group, dim, rotary, n}, worst);
  worst.print();
}

TEST(AttentionEdges, BitsDoNotDependOnChunksThreadsOrDropping) {
  for (const Shape& s : {Shape{2, 3, 20, 12, 600}, Shape{1, 8, 64, 64, 300}}) {
    const Numbers in(s);
    for (const char* spec :
         {"none", "window:window=40", "lambda:sink=3,window=40", "streaming-llm:sink=4,window=40",
          "lm-infinite:sink=2,window=30", "rerope:window=20", "self-extend:window=16,group=4",
          "dca:chunk=24,local=8+window:window=70", "rerope:window=20+lambda:sink=5,window=90"}) {
      const Method method = bind(spec, s);
      for (KvType type : {KvType::kBf16, KvType::kF32, KvType::kQ8}) {
        const auto backend = make_cpu_backend(Precision::kBf16, type);
        const auto whole = attend(*backend, method, s, in, {s.n});
        EXPECT_TRUE(same_bits(whole, attend(*backend, method, s, in, {1, 7, s.n}))) << spec;
        EXPECT_TRUE(same_bits(whole, attend(*backend, method, s, in, {37}, true))) << spec << " dropped";
        for (int n : {1, 2, 16}) {
          backend->context()->set_threads(n);
          EXPECT_TRUE(same_bits(whole, attend(*backend, method, s, in, {s.n}))) << spec << " threads " << n;
        }
      }
    }
  }
}

TEST(AttentionEdges, RotatingInSeveralStepsEqualsAppendingRotated) {
  const Shape s{2, 3, 20, 12, 300};
  const Numbers in(s);
  for (const char* spec : {"dynamic-ntk:grow=1", "dynamic-yarn:grow=1+rerope:window=20"}) {
    const Method method = bind(spec, s);
    for (Precision precision : {Precision::kF32, Precision::kBf16}) {
      const auto backend = make_cpu_backend(precision);
      const auto raw = backend->make_kv_layer(s.n_kv_heads, s.head_dim),
                 scratch = backend->make_kv_layer(s.n_kv_heads, s.head_dim),
                 direct = backend->make_kv_layer(s.n_kv_heads, s.head_dim);
      const Index width = Index{s.n_kv_heads} * s.head_dim;
      for (const auto& [begin, n] : {std::pair<Index, Index>{0, 1}, {1, 255}, {256, 44}}) {
        backend->append(*raw, in.k.data() + begin * width, in.v.data() + begin * width,
                        method.raw_keys(begin, n));
        const Method now = method.at_length(begin + n);  // scratch is reused while it grows
        backend->rotate_into(*scratch, *raw, now.lower_keys(0, begin + n));
      }
      const Method now = method.at_length(s.n);
      backend->append(*direct, in.k.data(), in.v.data(), now.lower_keys(0, s.n));
      const AttentionPlan plan = now.lower(0, s.n);
      std::vector<float> a(in.q.size()), b(in.q.size());
      const AttentionTask first{in.q.data(), scratch.get(), &plan, nullptr, a.data()},
          second{in.q.data(), direct.get(), &plan, nullptr, b.data()};
      backend->attention({&first, 1}, s.n_kv_heads * s.group);
      backend->attention({&second, 1}, s.n_kv_heads * s.group);
      EXPECT_TRUE(same_bits(a, b)) << spec;
    }
  }
}

}  // namespace
}  // namespace rw
