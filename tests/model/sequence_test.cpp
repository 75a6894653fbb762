// SPDX-License-Identifier: Apache-2.0
/// What sequences share with those that they were forked from, and what memory they may count on.
#include <optional>
#include <thread>

#include "model/memory.h"
#include "model_test_util.h"

namespace rw {
namespace {

const TestModel& in_bf16() {
  static const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kBf16));
  return m;
}

/// Each of them writes over a block that all share, in an engine of its own.
TEST(Sequence, ForksMayBeReadOnByThreads) {
  const Model& model = in_bf16().model;
  const Index n_vocab = model.config().n_vocab;
  const std::vector<Token> tokens = some_tokens(100, n_vocab);
  Sequence parent(model, MethodSpec::parse("rerope:window=16"), {.n = 200});
  Engine engine(model.shared_from_this());
  const StepInput begun{&parent, tokens};
  engine.step({&begun, 1});
  std::vector<Sequence> texts;
  for (int i = 0; i < 3; ++i) texts.push_back(parent.fork(90));
  texts.push_back(std::move(parent));
  std::vector<std::vector<Token>> greatest(texts.size(), std::vector<Token>(50));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < texts.size(); ++i)
    threads.emplace_back([&, i] {
      const Index begin = texts[i].position();
      const std::vector<Token> more = some_tokens(50, n_vocab, 9);
      Engine own(model.shared_from_this());
      const StepInput input{&texts[i],
                            more,
                            Stage::kPrefill,
                            {.begin = begin, .end = begin + 50, .greatest = greatest[i].data()}};
      own.step({&input, 1});
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(greatest[0], greatest[1]);
  EXPECT_EQ(greatest[0], greatest[2]);
}

/// A chat asks for another length each turn, and its keys must be found again.
TEST(Sequence, OfEveryFamilyForksToAnotherLengthWhereNothingGrows) {
  for (const Architecture& family : Registry<Architecture>::all())
    for (const std::string& name : family.tiny) {
      const auto model = Model::open(tiny(name), make_cpu_backend(Precision::kBf16));
      if (model->config().encoder || name == "dynamic") continue;  // whose own scaling goes by the length
      Sequence parent(*model, MethodSpec::parse("none"), {.n = 300});
      Engine engine(model);
      const std::vector<Token> tokens = some_tokens(40, model->config().n_vocab);
      const StepInput begun{&parent, tokens};
      engine.step({&begun, 1});
      EXPECT_TRUE(parent.same_at({.n = 400})) << name;
      EXPECT_EQ(parent.fork(parent.resumes_at(40), {.n = 400}).position(), 40) << name;
    }
}

/// What each reads on is what a fork that was made alone reads.
TEST(Sequence, OneMayBeForkedByThreadsAtOnce) {
  const Model& model = in_bf16().model;
  const Index n_vocab = model.config().n_vocab;
  const std::vector<Token> tokens = some_tokens(300, n_vocab), more = some_tokens(50, n_vocab, 9);
  for (const char* spec : {"rerope:window=16", "dynamic-ntk:grow=1", "window:window=9"}) {
    Sequence parent(model, MethodSpec::parse(spec), {.n = 400});
    Engine engine(model.shared_from_this());
    const StepInput begun{&parent, tokens};
    engine.step({&begun, 1});
    const auto read_on = [&](std::vector<Token>& greatest) {
      Sequence fork = parent.fork(290);
      Engine own(model.shared_from_this());
      const StepInput input{
          &fork, more, Stage::kPrefill, {.begin = 290, .end = 340, .greatest = greatest.data()}};
      own.step({&input, 1});
    };
    std::vector<std::vector<Token>> greatest(5, std::vector<Token>(50));
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < greatest.size(); ++i) threads.emplace_back([&, i] { read_on(greatest[i]); });
    for (std::thread& thread : threads) thread.join();
    read_on(greatest[0]);
    for (const std::vector<Token>& one : greatest) EXPECT_EQ(one, greatest[0]) << spec;
  }
}

/// Each of them fits, both do not: the second is refused before the work, and it is not when the first is
/// gone.
TEST(Sequence, WhatOthersWillTakeIsNotFree) {
  const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
  const auto method = Method::bind(MethodSpec::parse("none"), m.model.config().rope_context(0, 1 << 20));
  const auto bytes = [&](Index n) { return session_bytes(m.model.config(), KvType::kF32, method, n); };
  const Index of_token = static_cast<Index>(bytes(2 << 20) - bytes(1 << 20)) >> 20;
  const SequenceOptions most{.n = static_cast<Index>(available_memory()) * 3 / 5 / of_token};
  const auto refused = [](const std::function<void()>& make) {
    try {
      make();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("MiB of free memory"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("that other texts will take"), std::string::npos) << e.what();
      return true;
    }
    return false;
  };
  const auto none = MethodSpec::parse("none");
  std::optional<Sequence> first(std::in_place, m.model, none, most);
  EXPECT_TRUE(refused([&] { Sequence second(m.model, none, most); }));
  Engine engine(m.shared);
  const std::vector<Token> tokens = some_tokens(700, m.model.config().n_vocab);
  const StepInput input{&*first, tokens};
  engine.step({&input, 1});
  EXPECT_TRUE(refused([&] { first->fork(700); }));
  EXPECT_EQ(first->position(), 700);
  first.reset();
  first.emplace(m.model, none, most);
  // What a fork shares is there already.
  Sequence parent(m.model, none, {.n = 700});
  const StepInput short_input{&parent, tokens};
  engine.step({&short_input, 1});
  const std::size_t before = m.model.backend().context()->pages().promised();
  const Sequence fork = parent.fork(700);
  EXPECT_LT(m.model.backend().context()->pages().promised() - before,
            most_cache_bytes(m.model.config(), KvType::kF32, method, 700, kDefaultChunk) / 2);
}

/// Whoever ends first: what the other holds, and what it will take, stays counted.
TEST(Sequence, AForkOutlivesItsParentsPromise) {
  for (const bool parent_ends : {true, false}) {
    const TestModel m(golden("tiny/llama"), make_cpu_backend(Precision::kF32));
    const auto none = MethodSpec::parse("none");
    const Index n = 1 << 17;
    const auto method = Method::bind(none, m.model.config().rope_context(0, n));
    const std::size_t whole = most_cache_bytes(m.model.config(), KvType::kF32, method, n, kDefaultChunk);
    const PagePool& pages = m.model.backend().context()->pages();
    const auto counted = [&] { return pages.promised() + pages.bytes(); };
    std::optional<Sequence> parent(std::in_place, m.model, none, SequenceOptions{.n = n});
    EXPECT_GE(counted(), whole);
    Engine engine(m.shared);
    const std::vector<Token> tokens = some_tokens(1500, m.model.config().n_vocab);
    const StepInput input{&*parent, tokens};
    engine.step({&input, 1});
    EXPECT_GE(counted(), whole);
    std::optional<Sequence> fork = parent->fork(1500);
    EXPECT_GE(counted(), 2 * whole - parent->cache_bytes());  // what is shared counts once
    EXPECT_LT(pages.promised(), 2 * whole - parent->cache_bytes());
    ASSERT_GT(whole, pages.bytes());  // so a promise is told apart from what the pool keeps for nobody
    (parent_ends ? parent : fork).reset();
    EXPECT_GE(counted(), whole) << parent_ends;
    Sequence& left = parent_ends ? *fork : *parent;
    left.truncate(300);
    EXPECT_GE(counted(), whole);
    parent.reset(), fork.reset();
    EXPECT_EQ(pages.promised(), 0u);
  }
}

/// Forked texts share memory until one of them writes.
TEST(Sequence, ForksShareTheirPrefix) {
  const Model& model = in_bf16().model;
  Sequence parent(model, MethodSpec::parse("none"), {.n = 1100});
  Engine engine(model.shared_from_this());
  const std::vector<Token> tokens = some_tokens(1024, model.config().n_vocab);
  const StepInput input{&parent, tokens};
  engine.step({&input, 1});
  const std::size_t before = model.backend().context()->pages().bytes();
  std::vector<Sequence> forks;
  for (int i = 0; i < 50; ++i) forks.push_back(parent.fork(1024));
  EXPECT_EQ(model.backend().context()->pages().bytes(), before);
  EXPECT_EQ(forks[0].cache_bytes(), parent.cache_bytes());
}

}  // namespace
}  // namespace rw
