// SPDX-License-Identifier: Apache-2.0
/// Every kernel of the instruction set in force against the definition (kernels/reference), for every method.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

constexpr KvType kKvTypes[] = {KvType::kBf16, KvType::kF32, KvType::kQ8};

struct Shape {
  int n_kv_heads, group, head_dim, rotary_dim;
  Index n;
};

/// Attention of all rows, appended and computed in steps of the given sizes (the last repeats).
std::vector<float> attend(const Backend& backend, const Method& method, const Shape& s,
                          const std::vector<Index>& steps, bool drop = false) {
  const int n_heads = s.n_kv_heads * s.group;
  const Index kv_width = Index{s.n_kv_heads} * s.head_dim, q_width = Index{n_heads} * s.head_dim;
  const auto k = numbers(s.n * kv_width, 1), v = numbers(s.n * kv_width, 2),
             q = numbers(s.n * q_width + 1, 3);
  std::vector<float> out(static_cast<std::size_t>(s.n * q_width + 1));
  const auto kv = backend.make_kv_layer(s.n_kv_heads, s.head_dim);
  const Pointwise pointwise = method.pointwise();
  std::size_t next = 0;
  for (Index done = 0; done < s.n;) {
    const Index size = std::min(s.n - done, steps[std::min(next++, steps.size() - 1)]);
    backend.append(*kv, k.data() + done * kv_width, v.data() + done * kv_width,
                   method.lower_keys(done, size));
    const AttentionPlan plan = method.lower(done, size);
    // q and out start one float off: kernels need no alignment of activations.
    const AttentionTask task{q.data() + 1 + done * q_width, kv.get(), &plan, &pointwise,
                             out.data() + 1 + done * q_width};
    backend.attention({&task, 1}, n_heads);
    done += size;
    if (drop) backend.drop(*kv, done);
  }
  return {out.begin() + 1, out.end()};
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = std::isnan(d) ? INFINITY : std::max(largest, d);
  }
  return largest;
}

Method bind(const std::string& spec, const Shape& s, Index n_ctx_train = 64) {
  RopeContext context;
  context.head_dim = s.head_dim, context.rotary_dim = s.rotary_dim;
  context.n_ctx_train = context.n_ctx_original = n_ctx_train, context.n = s.n;
  context.long_factors.assign(static_cast<std::size_t>(s.rotary_dim) / 2, 2.0);
  context.short_factors.assign(static_cast<std::size_t>(s.rotary_dim) / 2, 1.0);
  return Method::bind(MethodSpec::parse(spec), context);
}

std::vector<std::string> specs() {
  std::vector<std::string> result;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    result.push_back(info.name == "base"          ? "base:value=50000"
                     : info.name == "dope"        ? "dope:heads=0.0"
                     : info.name == "temperature" ? "temperature:value=1.2"
                                                  : info.name);
  for (const char* more :
       {"yarn:factor=4+rerope:window=20+logn", "ntk+self-extend:window=16,group=4",
        "dca:chunk=24,local=8+window:window=70", "leaky-rerope:window=10,factor=8+lambda:sink=5,window=90",
        "lm-infinite:sink=2,window=30", "lampe:head=9,tail=70,positions=90+infoscale",
        "adagrope:positions=32,share=0.5"})
    result.push_back(more);
  return result;
}

/// Rounding to bfloat16 moves a number by 2^-8 of it at most, by 0.0016 in the mean square. A logit of
/// deviation 1 is a sum of products of two such numbers and moves by 0.0023, a weight by that and its own
/// rounding: 0.0028 (seen: 0.0028; methods that make logits larger stay below, since few keys then share the
/// weight). With 8 bits, numbers of a row move by 1/254 of its largest, some 3 deviations: 0.007 in the mean
/// square, once in a key's logit and once as a value: 0.01 (seen: 0.0099).
constexpr double kBf16Error = 0.005, kQ8Error = 0.016;

class Attention : public testing::TestWithParam<std::string> {};

TEST_P(Attention, EqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const auto f32 = make_cpu_backend(Precision::kF32), bf16 = make_cpu_backend(Precision::kBf16),
             q8 = make_cpu_backend(Precision::kBf16, KvType::kQ8);
  for (const Shape& s : {Shape{2, 3, 64, 64, 300}, Shape{1, 1, 16, 16, 1}, Shape{1, 8, 128, 128, 65},
                         Shape{3, 2, 20, 12, 130}, Shape{1, 1, 256, 64, 70}, Shape{2, 1, 32, 32, 63}}) {
    const Method method = bind(GetParam(), s);
    const auto expected = attend(*reference, method, s, {s.n});
    // f32: |v| is below 5; sums of up to 300 weights and products of 256 dims round by some 2^-24 each.
    EXPECT_LT(largest_difference(attend(*f32, method, s, {s.n}), expected), 1e-4) << s.head_dim << " " << s.n;
    EXPECT_LT(relative_error(attend(*bf16, method, s, {s.n}), expected), kBf16Error)
        << s.head_dim << " " << s.n;
    EXPECT_LT(relative_error(attend(*q8, method, s, {s.n}), expected), kQ8Error) << s.head_dim << " " << s.n;
  }
}

TEST(Attention, TheBoundsShowAWrongTemperature) {
  const Shape s{2, 3, 64, 64, 300};
  const auto f32 = make_cpu_backend(Precision::kF32);
  const auto right = attend(*f32, bind("none", s), s, {s.n});
  EXPECT_GT(relative_error(attend(*f32, bind("temperature:value=1.01", s), s, {s.n}), right), kBf16Error);
  EXPECT_GT(relative_error(attend(*f32, bind("temperature:value=1.03", s), s, {s.n}), right), kQ8Error);
}

TEST_P(Attention, BitsDoNotDependOnChunksThreadsOrDroppedBlocks) {
  const Shape s{2, 3, 32, 32, 300};
  const Method method = bind(GetParam(), s);
  for (KvType type : kKvTypes) {
    const auto backend = make_cpu_backend(Precision::kBf16, type);
    const auto whole = attend(*backend, method, s, {s.n});
    EXPECT_EQ(largest_difference(whole, attend(*backend, method, s, {1, 7, 200, 5})), 0);
    EXPECT_EQ(largest_difference(whole, attend(*backend, method, s, {40}, true)), 0);
    backend->context()->set_threads(1);
    EXPECT_EQ(largest_difference(whole, attend(*backend, method, s, {s.n})), 0);
  }
}

/// Rows that see several ranges of 1,024 keys: a row alone has its ranges computed by several threads.
TEST_P(Attention, BitsDoNotDependOnWhoComputesARange) {
  const Shape s{1, 2, 32, 32, 2600};
  const Method method = bind(GetParam(), s, Index{2000});
  for (KvType type : kKvTypes) {
    const auto backend = make_cpu_backend(Precision::kBf16, type);
    backend->context()->set_threads(64);
    const auto alone = attend(*backend, method, s, {2400, 1, 30, 160, 1});
    backend->context()->set_threads(1);
    EXPECT_EQ(largest_difference(alone, attend(*backend, method, s, {s.n})), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, Attention, testing::ValuesIn(specs()), [](const auto& test) {
  std::string name = test.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(Attention, AnInfiniteValueReachesNoRowThatDoesNotSeeIt) {
  const Shape s{1, 2, 64, 64, 130};
  const Method method = bind("none", s);
  auto v = numbers(s.n * 64, 2);
  v[100 * 64 + 3] = INFINITY;  // key 100: rows 64 to 99 share its tile
  const auto k = numbers(s.n * 64, 1), q = numbers(s.n * 128, 3);
  for (KvType type : kKvTypes) {
    const auto backend = make_cpu_backend(Precision::kBf16, type);
    std::vector<float> whole(q.size()), chunked(q.size());
    for (const auto& [out, step] : {std::pair{&whole, s.n}, {&chunked, Index{10}}}) {
      const auto kv = backend->make_kv_layer(1, 64);
      for (Index at = 0; at < s.n; at += step) {
        backend->append(*kv, k.data() + at * 64, v.data() + at * 64, method.lower_keys(at, step));
        const AttentionPlan plan = method.lower(at, step);
        const AttentionTask task{q.data() + at * 128, kv.get(), &plan, nullptr, out->data() + at * 128};
        backend->attention({&task, 1}, 2);
      }
    }
    for (std::size_t i = 0; i < 100 * 128; ++i) {
      ASSERT_TRUE(std::isfinite(whole[i]));
      ASSERT_EQ(whole[i], chunked[i]);
    }
    EXPECT_FALSE(std::isfinite(whole[110 * 128 + 3]));  // a row that does see it says so
  }
}

TEST(Attention, RotatingTheRawCopyEqualsAppendingRotated) {
  const Shape s{2, 2, 32, 32, 300};
  const Method method = bind("dynamic-ntk:grow=1", s);
  const auto backend = make_cpu_backend(Precision::kF32);
  const auto k = numbers(s.n * 64, 1), v = numbers(s.n * 64, 2), q = numbers(s.n * 128, 3);
  const auto raw = backend->make_kv_layer(2, 32), scratch = backend->make_kv_layer(2, 32),
             direct = backend->make_kv_layer(2, 32);
  backend->append(*raw, k.data(), v.data(), method.raw_keys(0, s.n));
  backend->append(*direct, k.data(), v.data(), method.lower_keys(0, s.n));
  backend->rotate_into(*scratch, *raw, method.lower_keys(0, s.n));
  const AttentionPlan plan = method.lower(0, s.n);
  std::vector<float> a(q.size()), b(q.size());
  const AttentionTask first{q.data(), scratch.get(), &plan, nullptr, a.data()},
      second{q.data(), direct.get(), &plan, nullptr, b.data()};
  backend->attention({&first, 1}, 4);
  backend->attention({&second, 1}, 4);
  EXPECT_EQ(largest_difference(a, b), 0);
}

/// 8 bits hold a row whose numbers are whole and reach 127: with such keys, not rotated, and values, q8 gives
/// the bits that bf16 does.
TEST(EightBits, AreExactWhereTheyCanBe) {
  const Shape s{2, 2, 32, 32, 300};
  const Method method = bind("none", s);
  const Index width = Index{2} * 32;
  std::vector<float> rows(static_cast<std::size_t>(s.n * width));
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = i % 32 == 7 ? 127.0f : static_cast<float>(static_cast<int>(i * 37 % 255) - 127);
  const auto q = numbers(s.n * 2 * width, 3, 0.01f);
  std::vector<float> out[2];
  for (int i = 0; i < 2; ++i) {
    const auto backend = make_cpu_backend(Precision::kBf16, i == 0 ? KvType::kBf16 : KvType::kQ8);
    const auto kv = backend->make_kv_layer(2, 32);
    KeyPlan plan = method.raw_keys(0, s.n);  // at position 0: not rotated
    backend->append(*kv, rows.data(), rows.data(), plan);
    const AttentionPlan attention = method.lower(0, s.n);
    out[i].resize(q.size());
    const AttentionTask task{q.data(), kv.get(), &attention, nullptr, out[i].data()};
    backend->attention({&task, 1}, 4);
    EXPECT_EQ(kv->bytes(), (i == 0 ? 128u : 72u) * 2 * 512) << i;  // 2 heads, 2 blocks
  }
  EXPECT_EQ(largest_difference(out[0], out[1]), 0);
}

TEST(InstructionSet, IsTheOneAskedFor) {
  const std::string ran = isa_name(Context());
  std::printf("instruction set that ran: %s\n", ran.c_str());
  if (const char* asked = std::getenv("ROPEWALK_ISA")) {
    EXPECT_EQ(ran, asked);
  }
}

}  // namespace
}  // namespace rw
