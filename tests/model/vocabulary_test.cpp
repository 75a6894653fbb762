// SPDX-License-Identifier: Apache-2.0
/// A tokenizer and an embedding of different size: ids without a row are refused where one is read, rows
/// without an id are never chosen.
#include <algorithm>

#include "model/greedy.h"
#include "model_test_util.h"

namespace ropewalk {
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
    expect_named([&] { session.write(-1, ignore); });
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
    return write_greedily(session, prompt, {.n_predict = 40});
  };
  const std::vector<Token> all = written(rows_);
  const Token highest = *std::max_element(all.begin(), all.end());
  ASSERT_GE(highest, 16);
  const std::vector<Token> limited = written(highest);  // the row that was chosen is padding now
  EXPECT_EQ(limited.size(), 40u);
  EXPECT_LT(*std::max_element(limited.begin(), limited.end()), highest);
  EXPECT_EQ(written(rows_ + 2), all);
}

}  // namespace
}  // namespace ropewalk
