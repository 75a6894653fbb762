// SPDX-License-Identifier: Apache-2.0
/// Attention to keys that several ranks share, against attention of one: under every method, by both ways.
#include "kernels/context_parallel.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "../thread_ranks.h"
#include "methods/method.h"
#include "relative_error.h"
#include "weights.h"

namespace rw {
namespace {

using Way = ContextParallelOptions::Way;

constexpr int kHeads = 4, kKvHeads = 2, kHeadDim = 20, kValueDim = 12;
constexpr Index kRows = 70, kWritten = 3;  // read at once at the end, and written one by one

/// All of them on the usual instruction set; on each by itself a few, since ranks know none.
std::vector<std::string> specs() {
  std::vector<std::string> all;
  const bool few = std::getenv("ROPEWALK_ISA") != nullptr;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    if (few ? info.name == "none" : info.name != "longrope")  // needs a model's own lists
      all.push_back(info.name == "base"          ? "base:value=50000"
                    : info.name == "dope"        ? "dope:heads=0.0"
                    : info.name == "temperature" ? "temperature:value=1.2"
                                                 : info.name);
  for (const char* more : {"yarn:factor=4+rerope:window=1500+logn", "lambda:sink=1100,window=1300",
                           "dynamic-yarn:grow=1+rerope:window=700", "streaming-llm:sink=4,window=200"})
    all.emplace_back(more);
  return all;
}

Method bound(const std::string& spec, Index n) {
  RopeContext context;
  context.head_dim = context.rotary_dim = kHeadDim;
  context.n_ctx_train = context.n_ctx_original = 512, context.n = n;
  return Method::bind(MethodSpec::parse(spec), context);
}

std::shared_ptr<const Backend> backend_of(KvType type) {
  auto context = std::make_shared<Context>(ContextOptions{.threads = 1, .isa = ""});
  return make_cpu_backend(std::move(context), type == KvType::kF32 ? Precision::kF32 : Precision::kBf16,
                          type);
}

/// A text whose keys are appended in pieces, windows dropped behind each; then what the last rows read.
std::vector<float> attended(const Backend& b, const Method& method, Index n, const float* sinks) {
  const auto q = numbers(n * kHeads * kHeadDim, 3, 0.1f), k = numbers(n * kKvHeads * kHeadDim, 5, 1.0f),
             v = numbers(n * kKvHeads * kValueDim, 7, 1.0f);
  const auto kv = b.make_kv_layer(kKvHeads, kHeadDim, kValueDim),
             scratch = b.make_kv_layer(kKvHeads, kHeadDim, kValueDim);
  std::vector<float> out(static_cast<std::size_t>((kRows + kWritten) * kHeads * kValueDim));
  const Pointwise pointwise = method.pointwise();
  Index done = 0;
  const auto read = [&](Index size) {
    const Method now = method.grows() ? method.at_length(done + size) : method;
    b.append(*kv, k.data() + done * kKvHeads * kHeadDim, v.data() + done * kKvHeads * kValueDim,
             method.grows() ? method.raw_keys(done, size) : method.lower_keys(done, size));
    const Index row = done - (n - kRows - kWritten);
    if (row >= 0) {
      if (method.grows()) b.rotate_into(*scratch, *kv, now.lower_keys(0, done + size, false));
      const AttentionPlan plan = now.lower(done, size);
      const AttentionTask task{.q = q.data() + done * kHeads * kHeadDim,
                               .kv = method.grows() ? scratch.get() : kv.get(),
                               .plan = &plan,
                               .pointwise = &pointwise,
                               .out = out.data() + row * kHeads * kValueDim,
                               .sinks = sinks};
      b.attention({&task, 1}, kHeads);
    }
    done += size;
    if (!method.grows()) b.drop(*kv, done);
  };
  for (Index left = n - kRows - kWritten; left > 0; left -= 1000) read(std::min<Index>(left, 1000));
  read(kRows);
  for (Index i = 0; i < kWritten; ++i) read(1);
  return out;
}

std::vector<float> attended_by(int size, Way way, KvType type, const Method& method, Index n,
                               const float* sinks) {
  std::vector<std::vector<float>> out(static_cast<std::size_t>(size));
  ThreadRanks::run(size, [&](const std::shared_ptr<Ranks>& ranks) {
    const auto shared = make_context_parallel(backend_of(type), ranks, {.way = way});
    out[static_cast<std::size_t>(ranks->rank())] = attended(*shared, method, n, sinks);
  });
  for (const std::vector<float>& theirs : out)  // every rank has all rows, with the same bits
    EXPECT_EQ(std::memcmp(theirs.data(), out[0].data(), out[0].size() * sizeof(float)), 0);
  return out[0];
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class SharedKeys : public testing::TestWithParam<std::string> {};

/// No more than a unit for each rank: the parts are merged in the order of the keys.
TEST_P(SharedKeys, HaveTheBitsOfOneProcessWhereTheOrderIsKept) {
  for (const KvType type : {KvType::kF32, KvType::kBf16, KvType::kQ8})
    for (const int size : {2, 4}) {
      const Index n = size * KeyShare::kUnit;
      const Method method = bound(GetParam(), n);
      const std::vector<float> alone = attended(*backend_of(type), method, n, nullptr);
      for (const Way way : {Way::kGather, Way::kRing})
        EXPECT_TRUE(same_bits(attended_by(size, way, type, method, n, nullptr), alone)) << size;
    }
}

/// 1e-6 of the numbers: sums of the same parts in another order. Both ways have the same bits.
TEST_P(SharedKeys, AreWithinTheBoundWhereItIsNot) {
  const std::vector<float> sinks{-3, 0, 2, 5};
  const Index n = 5 * KeyShare::kUnit + 333;
  const Method method = bound(GetParam(), n);
  for (const KvType type : {KvType::kF32, KvType::kBf16}) {
    const std::vector<float> alone = attended(*backend_of(type), method, n, sinks.data());
    const std::vector<float> gathered = attended_by(3, Way::kGather, type, method, n, sinks.data());
    EXPECT_LT(relative_error(gathered, alone), 1e-6);
    EXPECT_TRUE(same_bits(attended_by(3, Way::kRing, type, method, n, sinks.data()), gathered));
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, SharedKeys, testing::ValuesIn(specs()), [](const auto& test) {
  std::string name = test.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(KeyShare, GivesEveryKeyToOneRank) {
  for (const int size : {1, 2, 3, 64})
    for (const Index n : {Index{0}, Index{1}, Index{1023}, Index{1024}, Index{5000}, Index{200000}}) {
      Index all = 0;
      for (int rank = 0; rank < size; ++rank) {
        const KeyShare share{rank, size};
        all += share.held(n);
        EXPECT_LE(share.held(n), share.most_held(n));
        EXPECT_LE(share.held(n + 700) - share.held(n), share.most_held(700));
      }
      EXPECT_EQ(all, n);
    }
}

/// A rank holds its share of the keys, and of those that a window has not passed.
TEST(SharedKeys, TakeAShareOfTheMemory) {
  const Index n = 16 * KeyShare::kUnit;
  for (const char* spec : {"none", "window:window=4096"}) {
    const Method method = bound(spec, n);
    const auto held = [&](const Backend& b) {
      const auto k = numbers(n * kKvHeads * kHeadDim, 5, 1.0f);
      const auto kv = b.make_kv_layer(kKvHeads, kHeadDim, kHeadDim);
      for (Index done = 0; done < n; done += 512) {
        b.append(*kv, k.data() + done * kKvHeads * kHeadDim, k.data() + done * kKvHeads * kHeadDim,
                 method.lower_keys(done, 512));
        b.drop(*kv, done + 512);
      }
      return kv->bytes();
    };
    const std::size_t alone = held(*backend_of(KvType::kBf16));
    ThreadRanks::run(4, [&](const std::shared_ptr<Ranks>& ranks) {
      const std::size_t share = held(*make_context_parallel(backend_of(KvType::kBf16), ranks));
      EXPECT_LE(share, alone / 4 + alone / 16 * (std::string(spec) == "none" ? 1 : 6)) << spec;
    });
  }
}

}  // namespace
}  // namespace rw
