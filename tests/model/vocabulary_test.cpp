// SPDX-License-Identifier: Apache-2.0
/// A tokenizer and an embedding of different size: ids without a row are refused where one is read, rows
/// without an id are never chosen.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "model/writing.h"
#include "model_test_util.h"

namespace rw {
namespace {

/// Of so many ids, which nobody asks for their spelling.
struct Ids : Tokenizer {
  explicit Ids(Index ids) : n(ids) {}
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  std::string decode(Token, bool) const override { return {}; }
  Index n_vocab() const override { return n; }
  std::string kind() const override { return "ids"; }
  Index n;
};

TestModel with_ids(Index n) {
  return TestModel(Model::load(ModelFile::open(golden("tiny/llama")), make_cpu_backend(Precision::kF32),
                               std::make_unique<Ids>(n)));
}

class Vocabulary : public testing::Test {
 protected:
  TestModel m_ = with_ids(130);  // two more than rows
  const Index rows_ = m_.model.config().n_vocab;

  void expect_named(const std::function<void()>& read) const {
    try {
      read();
      ADD_FAILURE() << "read";
    } catch (const Error& e) {
      const std::string what = e.what();
      EXPECT_NE(what.find(fmt::format("below {}", rows_)), std::string::npos) << what;
      EXPECT_NE(what.find(fmt::format("{} ids", rows_ + 2)), std::string::npos) << what;
    }
  }
};

TEST_F(Vocabulary, AnIdWithoutARowIsRefusedBeforeAnythingIsRead) {
  ASSERT_EQ(rows_, 128);
  const auto ignore = [](Index, Index, const float*) {};
  for (const Index at : {0, 5, 9}) {
    std::vector<Token> tokens = some_tokens(10, rows_);
    Session session(m_.model, MethodSpec::parse("none"), {.n = 20, .chunk = 2});
    session.run(tokens, 0, 0, ignore);  // all of these have a row
    tokens[static_cast<std::size_t>(at)] = static_cast<Token>(rows_ + 1);
    expect_named([&] { session.run(tokens, 0, 0, ignore); });
    EXPECT_EQ(session.position(), 10);
    expect_named([&] { session.write(static_cast<Token>(rows_), ignore); });
    EXPECT_THROW(session.write(-1, ignore), Error);
    EXPECT_EQ(session.position(), 10);
  }
  std::vector<Token> tokens = some_tokens(10, rows_);
  tokens.back() = static_cast<Token>(rows_);  // a target only
  expect_named([&] { token_losses(m_.model, MethodSpec::parse("none"), tokens, 2, 9); });
  const std::vector<float> logits(static_cast<std::size_t>(rows_));
  for (const Token target : {static_cast<Token>(rows_), Token{-1}})
    EXPECT_THROW(losses_of(m_.model.backend(), logits.data(), rows_, {&target, 1}), Error);
}

TEST_F(Vocabulary, ARowWithoutAnIdIsNeverChosen) {
  const std::vector<Token> prompt = some_tokens(10, 16);
  auto written = [&](Index n_ids) {
    const TestModel m = with_ids(n_ids);
    Session session(m.model, MethodSpec::parse("none"), {.n = 50});
    return write_on(session, prompt, {.n_predict = 40});
  };
  const std::vector<Token> all = written(rows_);
  const Token highest = *std::max_element(all.begin(), all.end());
  ASSERT_GE(highest, 16);
  const std::vector<Token> limited = written(highest);  // the row that was chosen is padding now
  EXPECT_EQ(limited.size(), 40u);
  EXPECT_LT(*std::max_element(limited.begin(), limited.end()), highest);
  EXPECT_EQ(written(rows_ + 2), all);
}

/// A model that has no tokenizer, and then one: it is opened when it is first asked for, once.
TEST(Tokenizer, IsOpenedWhenItIsAskedFor) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / fmt::format("ropewalk_vocabulary_test_{}", ::getpid());
  fs::remove_all(folder);
  fs::copy(golden("tiny/llama"), folder);
  const auto backend = std::shared_ptr<const Backend>(make_cpu_backend(Precision::kF32));
  const auto without = Model::open(folder.string(), backend), with = Model::open(folder.string(), backend);
  Session session(*with, MethodSpec::parse("none"), {.n = 8});
  session.run(some_tokens(8, 128), 7, 8, [](Index, Index, const float*) {});  // needs none

  const auto error_of = [&] {
    try {
      without->tokenizer();
      return std::string("none");
    } catch (const Error& e) {
      return std::string(e.what());
    }
  };
  const std::string first = error_of();
  EXPECT_NE(first.find("tokenizer.json"), std::string::npos) << first;
  EXPECT_EQ(without->n_choices(), 128);

  fs::copy(golden("tokenizer_hf_llama.json"), folder / "tokenizer.json");
  EXPECT_EQ(error_of(), first);  // a model does not change
  std::vector<const Tokenizer*> seen(4);
  std::vector<std::thread> threads;
  for (const Tokenizer*& one : seen) threads.emplace_back([&] { one = &with->tokenizer(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), seen[0]), 4);
  fs::remove_all(folder);
}

TEST(Writing, AnEmptyPromptIsRefusedByName) {
  const TestModel m = with_ids(130);
  Session session(m.model, MethodSpec::parse("none"), {.n = 8});
  try {
    write_on(session, {}, {.n_predict = 4});
    ADD_FAILURE() << "written";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("prompt: expected at least one token"), std::string::npos)
        << e.what();
  }
  EXPECT_EQ(session.position(), 0);
}

}  // namespace
}  // namespace rw
