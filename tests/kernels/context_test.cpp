// SPDX-License-Identifier: Apache-2.0
/// Backends of several contexts in one process: other instruction sets, other numbers of threads, at once.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "kernels/cpu/isa.h"
#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Attention over 300 and then 1 keys, products of both stages and a feed-forward: all that has buffers.
std::vector<float> work(const Backend& backend) {
  constexpr int kHeads = 6, kKvHeads = 2, kDim = 32;
  constexpr Index kKeys = 300, kIn = 96, kOut = 80, kRows = 40;
  RopeContext rope;
  rope.head_dim = rope.rotary_dim = kDim, rope.n_ctx_train = rope.n_ctx_original = 64, rope.n = kKeys + 1;
  const Method method = Method::bind(MethodSpec::parse("rerope:window=50"), rope);
  const auto q = numbers((kKeys + 1) * kHeads * kDim, 1), k = numbers((kKeys + 1) * kKvHeads * kDim, 2),
             v = numbers((kKeys + 1) * kKvHeads * kDim, 3), x = numbers(kRows * kIn, 4);
  std::vector<float> all(q.size());
  const auto kv = backend.make_kv_layer(kKvHeads, kDim);
  for (const Index begin : {Index{0}, kKeys}) {
    const Index n = begin == 0 ? kKeys : 1, width = kKvHeads * kDim;
    AttentionPlan plan;
    method.lower(begin, n, plan, backend.context().get());
    backend.append(*kv, k.data() + begin * width, v.data() + begin * width, method.lower_keys(begin, n));
    const AttentionTask task{q.data() + begin * kHeads * kDim, kv.get(), &plan, nullptr,
                             all.data() + begin * kHeads * kDim};
    backend.attention({&task, 1}, kHeads);
  }
  const TestWeights in(Registry<WeightFormat>::get("Q8_0", "weight format"), kOut, kIn, 5),
      up(numbers(kOut * kIn, 6), kOut, kIn), down(numbers(kOut * kIn, 7), kIn, kOut);
  const auto w = backend.make_matrix(in.rows()), w_up = backend.make_matrix(up.rows()),
             w_down = backend.make_matrix(down.rows());
  for (const Stage stage : {Stage::kPrefill, Stage::kDecode}) {
    std::vector<float> y(kRows * kOut), z = x;
    const Output output{.w = w.get(), .y = y.data()};
    backend.linear({.x = x.data(), .n_rows = kRows}, {&output, 1}, stage);
    backend.feed_forward({.x = z.data(), .n_rows = kRows},
                         {.gate = w.get(), .up = w_up.get(), .down = w_down.get()}, z.data(), true, stage);
    all.insert(all.end(), y.begin(), y.end());
    all.insert(all.end(), z.begin(), z.end());
  }
  return all;
}

/// Sets of this machine; "": its best.
std::vector<std::string> sets_here() {
  std::vector<std::string> sets{"portable"};
  for (const cpu::Isa* const* isa = cpu::kInstructionSets; *isa != nullptr; ++isa)
    if (*isa != &cpu::kPortable && (*isa)->supported()) sets.emplace_back((*isa)->name);
  return sets;
}

std::unique_ptr<Backend> backend_of(const std::string& isa, int n_threads) {
  return make_cpu_backend(std::make_shared<Context>(ContextOptions{.threads = n_threads, .isa = isa}),
                          Precision::kBf16, KvType::kBf16);
}

TEST(Contexts, BackendsOfOtherSetsAndThreadsWorkAtOnceWithTheBitsTheyHaveAlone) {
  const std::vector<std::string> sets = sets_here();
  std::vector<std::unique_ptr<Backend>> backends;
  std::vector<std::vector<float>> alone;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    backends.push_back(backend_of(sets[i], 2 + static_cast<int>(i)));
    EXPECT_EQ(isa_name(*backends[i]->context()), sets[i]);
    EXPECT_NE(backends[i]->name().find("cpu " + sets[i]), std::string::npos);
    alone.push_back(work(*backend_of(sets[i], 1)));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < sets.size(); ++i)
    for (int caller = 0; caller < 2; ++caller)  // two callers share a backend too
      callers.emplace_back([&, i] {
        for (int round = 0; round < 5; ++round)
          if (!same_bits(work(*backends[i]), alone[i])) ++wrong;
      });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Contexts, OnesPagesAndProfileAreNotTheOthers) {
  const auto one = backend_of("portable", 2), other = backend_of("", 2);
  one->context()->profile().start();
  const auto kv = one->make_kv_layer(2, 32);
  const auto numbers_of = numbers(2 * 32, 1);
  RopeContext rope;
  rope.head_dim = rope.rotary_dim = 32, rope.n_ctx_train = rope.n_ctx_original = 64, rope.n = 1;
  one->append(*kv, numbers_of.data(), numbers_of.data(),
              Method::bind(MethodSpec::parse("none"), rope).lower_keys(0, 1));
  EXPECT_GE(one->context()->pages().bytes(), kv->bytes());
  EXPECT_EQ(other->context()->pages().bytes(), 0u);
  (void)work(*other);
  EXPECT_FALSE(other->context()->profile().on());
  const auto measured = one->context()->profile().stop();
  ASSERT_EQ(measured.size(), 1u);
  EXPECT_EQ(measured[0].name, "append");
}

TEST(Contexts, ACacheOutlivesItsBackend) {
  auto backend = backend_of("", 3);
  const auto kv = backend->make_kv_layer(2, 32);
  const auto numbers_of = numbers(2 * 32 * 300, 1);
  RopeContext rope;
  rope.head_dim = rope.rotary_dim = 32, rope.n_ctx_train = rope.n_ctx_original = 64, rope.n = 301;
  const Method method = Method::bind(MethodSpec::parse("none"), rope);
  backend->append(*kv, numbers_of.data(), numbers_of.data(), method.lower_keys(0, 300));
  backend = nullptr;
  const auto next = backend_of("", 2);  // of another context: it writes where the first did
  next->append(*kv, numbers_of.data(), numbers_of.data(), method.lower_keys(300, 1));
  EXPECT_EQ(kv->n_keys(), 301);
}

TEST(Contexts, AnUnknownSetIsAnErrorOfTheBackend) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1, .isa = "sse9"});
  EXPECT_THROW((void)make_cpu_backend(context, Precision::kF32, KvType::kF32), UsageError);
  EXPECT_THROW((void)isa_name(*context), UsageError);
  EXPECT_NO_THROW((void)make_reference_backend(context));  // has no use for one
}

}  // namespace
}  // namespace rw
