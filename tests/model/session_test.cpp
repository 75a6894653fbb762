// SPDX-License-Identifier: Apache-2.0
/// Prefill in one piece, in chunks of any size, and one token at a time give the same logits for every
/// method and composition. The tolerance is zero: prompt and generated rows take one path, key tiles are
/// anchored at key 0, and the sums of a product do not depend on its number of rows.
#include <thread>

#include "model_test_util.h"

namespace rw {
namespace {

constexpr Index kLength = 150;  // beyond the 64 tokens the tiny models were "trained" on

class EveryMethod : public testing::TestWithParam<std::string> {
 protected:
  static const TestModel& model(Precision precision) {
    static const TestModel bf16(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
    static const TestModel f32(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
    return precision == Precision::kBf16 ? bf16 : f32;
  }
  static const TestModel& model_q8() {
    static const TestModel q8(golden("tiny/llama"), make_cpu_backend(Precision::kBf16, KvType::kQ8));
    return q8;
  }
};

TEST_P(EveryMethod, IsTheSameWholeChunkedAndTokenByToken) {
  for (const TestModel* each : {&model(Precision::kBf16), &model(Precision::kF32), &model_q8()}) {
    const Model& m = each->model;
    const std::vector<Token> tokens = some_tokens(kLength, m.config().n_vocab);
    const auto whole = all_logits(m, GetParam(), tokens, {.n = kLength, .n_prompt = 0, .chunk = 512});
    EXPECT_EQ(largest_difference(
                  whole, all_logits(m, GetParam(), tokens, {.n = kLength, .n_prompt = 0, .chunk = 37})),
              0);
    EXPECT_EQ(largest_difference(whole, all_logits(m, GetParam(), tokens, {.n = kLength}, {90, 7, 1})), 0);
  }
}

/// Tokens that are taken back leave no trace, in the same block of the cache (150 keys) or in another (300),
/// whether they were read or written, and whatever a window has passed since.
TEST_P(EveryMethod, RewindsAsIfItHadNeverRead) {
  for (const Index n : {kLength, 2 * kLength}) {
    for (const TestModel* each : {&model(Precision::kBf16), &model(Precision::kF32), &model_q8()}) {
      const Model& m = each->model;
      const std::vector<Token> tokens = some_tokens(n, m.config().n_vocab);
      const std::span<const Token> all(tokens);
      const Index back = n - 60;
      const auto whole = all_logits(m, GetParam(), tokens, {.n = n, .n_prompt = back});
      const auto n_vocab = static_cast<std::size_t>(m.config().n_vocab);
      Session session(m, MethodSpec::parse(GetParam()), {.n = n, .n_prompt = back, .rewind_to = back - 1});
      const LogitsSink forget = [](Index, Index, const float*) {};
      session.run(all.first(static_cast<std::size_t>(back)), 0, 0, forget);
      for (Token other = 0; other < 30; ++other) session.write(other, forget);
      session.run(all.first(25), 0, 0, forget);
      session.rewind(back - 1);
      ASSERT_EQ(session.position(), back - 1);
      std::vector<float> again;
      session.run(all.subspan(static_cast<std::size_t>(back - 1)), 0, n,
                  [&](Index, Index rows, const float* logits) {
                    again.insert(again.end(), logits, logits + static_cast<std::size_t>(rows) * n_vocab);
                  });
      const std::vector<float> expected(
          whole.begin() + static_cast<std::ptrdiff_t>(back - 1) * static_cast<std::ptrdiff_t>(n_vocab),
          whole.end());
      EXPECT_EQ(largest_difference(expected, again), 0);
    }
  }
}

/// The last layer goes on with the rows alone whose logits are asked for: none of the first chunk, some of
/// the second, and some of the third.
TEST_P(EveryMethod, LogitsOfSomeRowsAreThoseOfAll) {
  static const TestModel reference(golden("tiny/llama"), make_reference_backend());
  for (const TestModel* each : {&model(Precision::kBf16), &model(Precision::kF32), &model_q8(), &reference}) {
    const Model& m = each->model;
    const auto n_vocab = static_cast<std::size_t>(m.config().n_vocab);
    const std::vector<Token> tokens = some_tokens(kLength, m.config().n_vocab);
    std::vector<float> expected = all_logits(m, GetParam(), tokens, {.n = kLength}), some;
    expected = {expected.begin() + 70 * static_cast<std::ptrdiff_t>(n_vocab),
                expected.begin() + 80 * static_cast<std::ptrdiff_t>(n_vocab)};
    Session session(m, MethodSpec::parse(GetParam()), {.n = kLength, .n_prompt = 0, .chunk = 37});
    session.run(tokens, 70, 80, [&](Index, Index n, const float* logits) {
      some.insert(some.end(), logits, logits + static_cast<std::size_t>(n) * n_vocab);
    });
    EXPECT_EQ(largest_difference(some, expected), 0);
  }
}

TEST_P(EveryMethod, EqualsTheReferenceBackend) {
  static const TestModel reference(golden("tiny/llama"), make_reference_backend());
  const Model& m = model(Precision::kF32).model;
  const std::vector<Token> tokens = some_tokens(kLength, m.config().n_vocab);
  const auto expected = all_logits(reference.model, GetParam(), tokens, {.n = kLength});
  EXPECT_LT(largest_difference(all_logits(m, GetParam(), tokens, {.n = kLength}), expected), 1e-3);
}

/// Tokens that are written one at a time take products of their own (Stage::kDecode). Without rounding they
/// are the same; with it, numbers of 32 share a scale of 8 bits (0.006 of their size in the mean square) in
/// each product of each layer: 0.0097 of the logits at most with a bf16 cache, 0.016 with 8 bits there too.
TEST_P(EveryMethod, WritesWhatItReads) {
  const std::vector<Token> tokens = some_tokens(kLength, model(Precision::kF32).model.config().n_vocab);
  const auto expected = all_logits(model(Precision::kF32).model, GetParam(), tokens, {.n = kLength});
  const std::size_t n_vocab = expected.size() / static_cast<std::size_t>(kLength);
  for (const TestModel* each : {&model(Precision::kF32), &model(Precision::kBf16), &model_q8()}) {
    Session session(each->model, MethodSpec::parse(GetParam()), {.n = kLength});
    std::vector<float> written;
    const LogitsSink keep = [&](Index, Index n, const float* logits) {
      written.insert(written.end(), logits, logits + static_cast<std::size_t>(n) * n_vocab);
    };
    session.run(std::span(tokens).first(50), 0, 50, keep);
    for (Index i = 50; i < kLength; ++i) session.write(tokens[static_cast<std::size_t>(i)], keep);
    const double bound = each == &model(Precision::kF32) ? 1e-5 : each == &model_q8() ? 0.03 : 0.02;
    EXPECT_LT(relative_error(written, expected), bound) << each->model.backend().name();
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryMethod, testing::ValuesIn(every_spec()), [](const auto& test) {
  std::string name = test.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(Grow, FollowsThePublishedRecurrenceOfTheReference) {
  const TestModel cpu(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
  const TestModel reference(golden("tiny/llama"), make_reference_backend());
  const std::vector<Token> tokens = some_tokens(kLength, cpu.model.config().n_vocab);
  const SessionOptions options{.n = kLength, .n_prompt = 70};
  for (const char* spec : {"dynamic-ntk:grow=1", "dynamic-yarn:grow=1", "dynamic-pi:grow=1"}) {
    const auto grown = all_logits(cpu.model, spec, tokens, options, {70, 1});
    EXPECT_LT(largest_difference(grown, all_logits(reference.model, spec, tokens, options, {70, 1})), 1e-3)
        << spec;
    // ... and is another thing than the request's own length.
    const std::string fixed = std::string(spec).substr(0, std::string(spec).find(':'));
    EXPECT_GT(largest_difference(grown, all_logits(cpu.model, fixed, tokens, options, {70, 1})), 1e-3)
        << spec;
  }
}

TEST(Session, LogitsDoNotDependOnThreads) {
  const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(kLength, m.model.config().n_vocab);
  m.model.backend().context()->set_threads(1);
  const auto one = all_logits(m.model, "rerope:window=16", tokens, {.n = kLength});
  for (int n : {2, 3, 16, 64}) {
    m.model.backend().context()->set_threads(n);
    EXPECT_EQ(largest_difference(one, all_logits(m.model, "rerope:window=16", tokens, {.n = kLength})), 0);
  }
}

TEST(Session, SessionsOfSeveralThreadsDoNotDisturbEachOther) {
  const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(kLength, m.model.config().n_vocab);
  const std::vector<std::string> specs{"none", "rerope:window=16", "dynamic-ntk:grow=1", "window:window=20"};
  std::vector<std::vector<float>> expected(specs.size()), got(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i)
    expected[i] = all_logits(m.model, specs[i], tokens, {.n = kLength});
  for (int n : {2, 5}) {
    m.model.backend().context()->set_threads(n);
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < specs.size(); ++i)
      callers.emplace_back([&, i] {
        got[i] = all_logits(m.model, specs[i], tokens, {.n = kLength}, {31, 1, 50});
      });
    for (std::thread& caller : callers) caller.join();
    for (std::size_t i = 0; i < specs.size(); ++i)
      EXPECT_EQ(largest_difference(expected[i], got[i]), 0) << specs[i];
  }
}

TEST(Session, FactorOneIsPlainRopeBitForBit) {
  const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(60, m.model.config().n_vocab);  // below the trained 64
  const auto plain = all_logits(m.model, "none", tokens, {.n = 60});
  for (const char* spec : {"pi",
                           "ntk",
                           "ntk-mixed",
                           "ntk-by-parts",
                           "yarn",
                           "llama3",
                           "dynamic-pi",
                           "dynamic-ntk",
                           "dynamic-yarn",
                           "dynamic-pi:grow=1",
                           "dynamic-ntk:grow=1",
                           "dynamic-yarn:grow=1",
                           "rerope:window=60",
                           "leaky-rerope:window=16,factor=1",
                           "self-extend:window=16,group=1",
                           "dca:chunk=60,local=4",
                           "string:offset=60,local=10,amplitude=0",
                           "window",
                           "lambda",
                           "streaming-llm",
                           "lm-infinite:window=60",
                           "logn",
                           "jet-long",
                           "mrrope-uni",
                           "mrrope-pro",
                           "infoscale",
                           "lampe:positions=60",
                           "adagrope",
                           "temperature:value=1"})
    EXPECT_EQ(largest_difference(plain, all_logits(m.model, spec, tokens, {.n = 60})), 0) << spec;
}

TEST(Session, WindowsHoldOnlyWhatTheySee) {
  const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  const Index n = 4000;
  const std::vector<Token> tokens = some_tokens(n, m.model.config().n_vocab);
  auto cache = [&](const char* spec) {
    Session session(m.model, MethodSpec::parse(spec), {.n = n});
    session.run(tokens, 0, 0, {});
    return session.cache_bytes();
  };
  const std::size_t plain = cache("none");
  EXPECT_LT(cache("lambda:window=256"), plain / 3);
  EXPECT_LT(cache("window:window=256"), plain / 4);
  EXPECT_LT(cache("rerope:window=256"), plain + plain / 4);  // one full variant, one ring
}

TEST(Session, RefusesMoreTokensThanAskedFor) {
  const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  Session session(m.model, MethodSpec::parse("none"), {.n = 4});
  EXPECT_THROW(session.run(some_tokens(5, m.model.config().n_vocab), 0, 0, {}), Error);
}

}  // namespace
}  // namespace rw
