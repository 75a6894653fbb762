// SPDX-License-Identifier: Apache-2.0
/// Models of every kind of layer whose context several ranks share: read in chunks, forked, taken back and
/// written on, each rank has the logits of one process.
#include "kernels/context_parallel.h"

#include <cstdlib>

#include "../thread_ranks.h"
#include "model_test_util.h"

namespace rw {
namespace {

constexpr Index kTokens = 1500;  // the keys of two ranks: the second one's begin at 1,024

std::shared_ptr<const Backend> backend_of(Precision precision) {
  return make_cpu_backend(std::make_shared<Context>(ContextOptions{.threads = 1, .isa = ""}), precision,
                          precision == Precision::kF32 ? KvType::kF32 : KvType::kBf16);
}

/// Logits of the last rows of a text: those read, and those written behind a rewind.
std::vector<float> last_logits(const Model& model, const std::string& spec, Index n) {
  const std::vector<Token> tokens = some_tokens(n, model.config().n_vocab);
  const std::span<const Token> all(tokens);
  std::vector<float> logits;
  const LogitsSink keep = [&](Index, Index rows, const float* from) {
    logits.insert(logits.end(), from, from + rows * model.config().n_vocab);
  };
  const LogitsSink forget = [](Index, Index, const float*) {};
  if (model.config().encoder) {
    Session session(model, MethodSpec::parse(spec), {.n = n, .n_prompt = n});
    session.run(all, n - 40, n, keep);
    return logits;
  }
  Session session(model, MethodSpec::parse(spec),
                  {.n = n, .n_prompt = n - 3, .chunk = 700, .rewind_to = n - 3});
  session.run(all.first(static_cast<std::size_t>(n - 3)), n - 40, n - 3, keep);
  session.write(1, forget);
  session.rewind(n - 3);
  for (Index i = n - 3; i < n; ++i) session.write(tokens[static_cast<std::size_t>(i)], keep);
  return logits;
}

/// What each of `size` ranks has, all of them the same.
std::vector<float> shared_logits(const std::string& path, const std::string& spec, Precision precision,
                                 int size, Index n) {
  std::vector<std::vector<float>> all(static_cast<std::size_t>(size));
  ThreadRanks::run(size, [&](const std::shared_ptr<Ranks>& ranks) {
    const auto backend = make_context_parallel(backend_of(precision), ranks, {.flop_per_byte = 0});
    all[static_cast<std::size_t>(ranks->rank())] = last_logits(TestModel(path, backend).model, spec, n);
  });
  for (const auto& each : all) EXPECT_EQ(largest_difference(each, all[0]), 0);
  return all[0];
}

class SharedContext : public testing::TestWithParam<std::string> {};

TEST_P(SharedContext, HasTheBitsOfOneProcess) {
  for (const char* spec : {"none", "rerope:window=900", "lm-infinite:sink=2,window=700"}) {
    if (GetParam() == "roformer" && std::string(spec) == "rerope:window=900") continue;  // as the others
    const TestModel alone(golden("tiny/" + GetParam()), backend_of(Precision::kBf16));
    const std::vector<float> expected = last_logits(alone.model, spec, kTokens);
    EXPECT_EQ(largest_difference(
                  shared_logits(golden("tiny/" + GetParam()), spec, Precision::kBf16, 2, kTokens), expected),
              0)
        << spec;
  }
}

/// Dense, windows and sinks of a layer's own, latents, experts, states, a layer's keys read by others, both
/// directions; on each instruction set by itself one of them.
std::vector<std::string> kinds() {
  if (std::getenv("ROPEWALK_ISA") != nullptr) return {"gemma2"};
  return {"llama",   "gemma2", "gemma3",         "gemma4_e2b", "deepseek_v2",
          "mixtral", "lfm2",   "granite_hybrid", "qwen3_next", "roformer"};
}

INSTANTIATE_TEST_SUITE_P(Kinds, SharedContext, testing::ValuesIn(kinds()),
                         [](const auto& test) { return test.param; });

/// More keys than a unit for each rank: other sums, by rounding alone. 3e-6 of the logits in the mean square
/// were measured in float32.
TEST(SharedContext, IsWithinTheBoundWhereTheOrderIsNotKept) {
  const Index n = 4500;
  for (const char* spec : {"none", "dynamic-ntk:grow=1", "self-extend:window=600,group=8"}) {
    const TestModel alone(golden("tiny/llama"), backend_of(Precision::kF32));
    const std::vector<float> expected = last_logits(alone.model, spec, n);
    const std::vector<float> shared = shared_logits(golden("tiny/llama"), spec, Precision::kF32, 3, n);
    EXPECT_LT(relative_error(shared, expected), 1e-5) << spec;
    EXPECT_GT(largest_difference(shared, expected), 0) << "the order was kept: this tests nothing";
  }
}

TEST(SharedContext, CountsItsShareOfTheMemory) {
  const TestModel alone(golden("tiny/llama"), backend_of(Precision::kF32));
  const Method method =
      Method::bind(MethodSpec::parse("none"), alone.model.config().rope_context(0, Index{1} << 20));
  const auto bytes = [&](KeyShare share) {
    return most_cache_bytes(alone.model.config(), KvType::kBf16, method, Index{1} << 20, 1024, 1, share);
  };
  EXPECT_NEAR(static_cast<double>(bytes({0, 4})), static_cast<double>(bytes({})) / 4,
              0.01 * static_cast<double>(bytes({})));
}

TEST(SharedContext, IsNotKeptInAFile) {
  ThreadRanks::run(2, [&](const std::shared_ptr<Ranks>& ranks) {
    const auto backend = make_context_parallel(backend_of(Precision::kF32), ranks);
    const auto kv = backend->make_kv_layer(2, 16);
    EXPECT_THROW(backend->save(*kv, [](std::span<const std::byte>) {}), Error);
  });
}

}  // namespace
}  // namespace rw
