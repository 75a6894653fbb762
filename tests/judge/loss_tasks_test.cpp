// SPDX-License-Identifier: Apache-2.0
/// sliding, llama, continuation and far-use on a tiny model (trained on 64 tokens), against direct
/// computation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "core/json.h"
#include "judge/controls.h"
#include "judge/plan.h"
#include "model/cost.h"
#include "model/writing.h"

namespace rw {
namespace {

std::string golden_path(const std::string& name) {
  return std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/" + name;
}

/// The tiny models have no tokenizer. Here a token is a word; each 7th id ends a sentence.
class Words : public Tokenizer {
 public:
  explicit Words(Index n) : n_(n) {}
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  std::string decode(Token id, bool) const override {
    return fmt::format("w{}{}", id, id % 7 == 0 ? ". " : " ");
  }
  using Tokenizer::decode;
  Index n_vocab() const override { return n_; }
  std::string kind() const override { return "words"; }

 private:
  Index n_;
};

/// A token is one byte, so characters are cut anywhere.
class Bytes : public Words {
 public:
  using Words::Words;
  std::string decode(Token id, bool) const override { return std::string(1, "a\xc3\xa9z"[id % 4]); }
  using Tokenizer::decode;
};

class LossTasks : public testing::Test {
 protected:
  LossTasks()
      : shared_(Model::open(golden_path("tiny/llama"), make_cpu_backend(Precision::kF32))),
        model_(*shared_),
        words_(model_.config().n_vocab) {
    for (std::uint32_t d = 0; d < 2; ++d) documents_.push_back(identify({"d", draw(d + 1, 400), {1}}));
  }
  std::vector<Token> draw(std::uint32_t x, std::size_t n) const {
    std::vector<Token> tokens(n);
    for (Token& token : tokens) {
      x = x * 1664525u + 1013904223u;
      token = static_cast<Token>((x >> 8) % static_cast<std::uint32_t>(model_.config().n_vocab));
    }
    return tokens;
  }
  TaskInput input(Index length) const {
    return {.model = model_,
            .tokenizer = words_,
            .spec = spec_,
            .document = documents_[0],
            .other = &documents_[1],
            .length = length,
            .tail = 16,
            .n_predict = 20};
  }
  static std::vector<Record> run(const std::string& task, const TaskInput& in) {
    return Registry<Task>::get(task, "task").run(in);
  }
  static const Record& part(const std::vector<Record>& records, const std::string& name) {
    for (const Record& record : records)
      if (record.part == name) return record;
    throw Error("test", "a record of " + name, "none");
  }
  static double value(const Record& record, const std::string& name) {
    for (const auto& [own, number] : record.values)
      if (own == name) return number;
    throw Error("test", "a value of " + name, "none");
  }
  std::vector<double> losses(const std::vector<Token>& tokens, Index targets) const {
    const auto n = static_cast<Index>(tokens.size());
    return token_losses(model_, spec_, tokens, n - 1 - targets, n - 1);
  }
  static double mean(const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  }

  std::shared_ptr<const Model> shared_;
  const Model& model_;
  Words words_;
  MethodSpec spec_ = MethodSpec::parse("none");
  std::vector<Document> documents_;
};

TEST_F(LossTasks, SlidingScoresEachTokenOnce) {
  documents_[0].tokens.resize(150);
  // 39 tokens with BOS, moved by 20: windows end at 39, 59, ... 139 and, moved to the end, 150.
  std::vector<double> all;
  Index scored = 0;
  for (Index end : {39, 59, 79, 99, 119, 139, 150}) {
    for (double loss : losses(context_before(documents_[0], end, 40), end - scored)) all.push_back(loss);
    scored = end;
  }
  std::vector<Index> progress;
  TaskInput in = input(40);
  in.done = [&](Index n) { progress.push_back(n); };
  const std::vector<Record> records = run("sliding", in);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].n_targets, 150);
  EXPECT_NEAR(records[0].loss, mean(all), 1e-12);
  EXPECT_EQ(value(records[0], "windows"), 7);
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  EXPECT_EQ(progress.back(), 40);
}

TEST_F(LossTasks, SlidingTakesTheLastWindowsOnly) {
  const std::vector<Record> records = run("sliding", input(40));
  EXPECT_EQ(value(records[0], "windows"), 8);
  EXPECT_EQ(records[0].n_targets, 39 + 7 * 20);
  TaskInput in = input(40);
  Document cut = documents_[0];  // the same last tokens, nothing before them
  cut.tokens.erase(cut.tokens.begin(), cut.tokens.end() - (39 + 7 * 20));
  const TaskInput of_cut{
      .model = model_, .tokenizer = words_, .spec = spec_, .document = cut, .length = 40, .tail = 16};
  EXPECT_EQ(run("sliding", of_cut)[0].loss, records[0].loss);
  // Without BOS nothing predicts the first token.
  documents_[0].bos = {}, documents_[0].tokens.resize(60);
  const Record bare = run("sliding", in)[0];
  EXPECT_EQ(bare.n_targets, 59);
  EXPECT_EQ(value(bare, "windows"), 2);
}

TEST_F(LossTasks, SlidingByAStrideReadsTheWholeDocument) {
  documents_[0].tokens.resize(200);
  for (const Index stride : {7, 39}) {  // 39 tokens with BOS: windows that just meet
    std::vector<double> all;
    Index scored = 0, n = 0;
    for (Index end = 39; scored < 200; end = std::min<Index>(end + stride, 200), ++n) {
      for (double loss : losses(context_before(documents_[0], end, 40), end - scored)) all.push_back(loss);
      scored = end;
    }
    TaskInput in = input(40);
    in.stride = stride;
    const Record record = run("sliding", in)[0];
    EXPECT_EQ(record.n_targets, 200);
    EXPECT_NEAR(record.loss, mean(all), 1e-12);
    EXPECT_EQ(value(record, "windows"), static_cast<double>(n));
  }
}

TEST_F(LossTasks, LlamaAgreesWithLlamaCpp) {
  std::ifstream stream(golden_path("llama_perplexity.json"));
  const auto golden = nlohmann::json::parse(stream);
  documents_[0].tokens = golden["document"].get<std::vector<Token>>();
  for (const auto& expected : golden["cases"]) {
    documents_[0].bos.clear();
    if (!expected["bos"].is_null()) documents_[0].bos.push_back(expected["bos"].get<Token>());
    const Record record = run("llama", input(expected["n_ctx"].get<Index>()))[0];
    EXPECT_EQ(record.n_targets, expected["n_targets"].get<Index>());
    EXPECT_EQ(value(record, "chunks"), expected["chunks"].get<double>());
    EXPECT_NEAR(record.loss, expected["loss"].get<double>(), 1e-5) << expected;  // 3e-7 measured
  }
}

TEST_F(LossTasks, ContinuationIsOfTheSameTruthAtEveryLength) {
  for (const char* method : {"none", "yarn", "dynamic-ntk", "dynamic-ntk:grow=1"}) {
    spec_ = MethodSpec::parse(method);
    std::string expected;
    for (Index length : {60, 120}) {
      const Record record = run("continuation", input(length))[0];
      const Record again = run("continuation", input(length))[0];
      EXPECT_EQ(record.written, again.written);
      EXPECT_EQ(record.loss, again.loss);
      EXPECT_EQ(record.n_targets, 20);
      EXPECT_EQ(record.achieved, length);  // no end token, so all 20 are written
      EXPECT_GE(value(record, "top1"), 0);
      EXPECT_LE(value(record, "top1"), 1);
      if (expected.empty()) expected = record.expected;
      EXPECT_EQ(record.expected, expected);
    }
    const auto& all = documents_[0].tokens;
    EXPECT_EQ(expected, words_.decode(std::vector<Token>(all.end() - 20, all.end())));
  }
}

TEST_F(LossTasks, ContinuationsLossIsOfTheTruth) {
  const Record record = run("continuation", input(60))[0];
  EXPECT_NEAR(record.loss, mean(losses(context_before(documents_[0], 400, 60), 20)), 1e-12);
  // What the model wrote is now the truth: every score is full.
  const std::vector<Token> context = context_before(documents_[0], 380, 40);
  Session session(model_, spec_, {.n = 60, .n_prompt = 40});
  const std::vector<Token> written = write_on(session, context, {.n_predict = 20});
  std::copy(written.begin(), written.end(), documents_[0].tokens.end() - 20);
  const Record same = run("continuation", input(60))[0];
  EXPECT_EQ(same.written, same.expected);
  for (const char* name : {"top1", "token_f1", "rouge1", "rouge2", "rougeL", "rougeLsum"})
    EXPECT_NEAR(value(same, name), 1, 1e-9) << name;
  EXPECT_NEAR(value(same, "bleu"), 100, 1e-9);
  EXPECT_NEAR(value(same, "chrf"), 100, 1e-9);
  EXPECT_EQ(value(same, "exact_prefix"), 20);
}

TEST_F(LossTasks, ContinuationStopsAtAnEndToken) {
  const std::vector<Token> context = context_before(documents_[0], 380, 40);
  Session session(model_, spec_, {.n = 60, .n_prompt = 40});
  words_.end_tokens = write_on(session, context, {.n_predict = 1});
  const Record record = run("continuation", input(60))[0];
  EXPECT_EQ(record.written, "");
  EXPECT_EQ(record.achieved, 40);
  EXPECT_EQ(record.n_targets, 20);  // the truth is read all the same
  EXPECT_EQ(value(record, "bleu"), 0);
  EXPECT_THROW(run("continuation", input(21)), UsageError);
}

TEST_F(LossTasks, ContinuationCutsTextsAtCharacters) {
  const Bytes bytes(model_.config().n_vocab);
  for (int shift = 0; shift < 4; ++shift) {
    for (std::size_t i = 0; i < 20; ++i)  // a, two bytes of one character, z, a ...
      documents_[0].tokens[380 + i] = static_cast<Token>((i + static_cast<std::size_t>(shift)) % 4);
    const TaskInput in{.model = model_,
                       .tokenizer = bytes,
                       .spec = spec_,
                       .document = documents_[0],
                       .length = 60,
                       .n_predict = 20};
    const std::string text = run("continuation", in)[0].expected;
    EXPECT_EQ(text.size(), shift == 2 ? 18u : 20u);  // both ends of shift 2 lie inside of a character
    EXPECT_NE(text.front(), '\xa9');
    EXPECT_NE(text.back(), '\xc3');
  }
}

TEST_F(LossTasks, FarUseChangesTheFarPartOnly) {
  const std::vector<Record> records = run("far-use", input(120));
  EXPECT_EQ(part(records, "true").loss, run("tail", input(120))[0].loss);
  EXPECT_NE(part(records, "swapped").loss, part(records, "true").loss);
  EXPECT_NE(part(records, "shuffled").loss, part(records, "true").loss);
  // By hand: the last 60 tokens stay, and BOS; between them stands the other document's end.
  std::vector<Token> tokens{1};
  tokens.insert(tokens.end(), documents_[1].tokens.end() - 59, documents_[1].tokens.end());
  tokens.insert(tokens.end(), documents_[0].tokens.end() - 60, documents_[0].tokens.end());
  EXPECT_DOUBLE_EQ(part(records, "swapped").loss, mean(losses(tokens, 16)));
}

TEST_F(LossTasks, FarUseScoresWhatCouldBeCopied) {
  TaskInput in = input(120);
  auto& all = documents_[0].tokens;
  // Targets 5 and 6 of the tail repeat three tokens of the far part.
  std::copy(all.end() - 100, all.end() - 97, all.end() - 12);
  const std::vector<double> each = losses(context_before(documents_[0], 400, 120), 16);
  const std::vector<Record> records = run("far-use", in);
  const Record& copy = part(records, "copy");
  ASSERT_EQ(copy.n_targets, 2);
  EXPECT_DOUBLE_EQ(copy.loss, (each[5] + each[6]) / 2);
  EXPECT_NE(value(copy, "swapped"), copy.loss);
  in.other = nullptr;
  EXPECT_EQ(run("far-use", in).size(), 3u);  // true, shuffled, copy
  in.length = 30;                            // far would reach into the tail
  EXPECT_EQ(run("far-use", in).size(), 1u);
}

TEST(Controls, ShufflingKeepsSentences) {
  std::vector<Token> tokens;
  for (Token t = 0; t < 300; ++t) tokens.push_back(t);
  const auto ends = [](Token t) { return t % 10 == 9; };
  const std::vector<Token> shuffled = shuffled_sentences(tokens, ends, 1);
  EXPECT_NE(shuffled, tokens);
  EXPECT_EQ(shuffled, shuffled_sentences(tokens, ends, 1));
  EXPECT_NE(shuffled, shuffled_sentences(tokens, ends, 2));
  EXPECT_TRUE(std::is_permutation(shuffled.begin(), shuffled.end(), tokens.begin(), tokens.end()));
  for (std::size_t i = 0; i + 1 < shuffled.size(); ++i)
    EXPECT_TRUE(ends(shuffled[i]) || shuffled[i + 1] == shuffled[i] + 1);
  // Without an end: cut all the same.
  const auto never = [](Token) { return false; };
  bool moved = false;
  for (std::uint64_t seed = 1; seed < 9; ++seed) moved |= shuffled_sentences(tokens, never, seed) != tokens;
  EXPECT_TRUE(moved);
  EXPECT_TRUE(shuffled_sentences({}, never, 1).empty());
}

TEST(Controls, CopyTargetsStandFarAndNowhereNear) {
  //                                 far: 0 .. 5     near: 6, 7      tail: 8 ..
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6, /**/ 7, 3, /**/ 4, 5, 9, 2, 3, 2, 3};
  // 8: (3, 4) is far only. 9: (4, 5) too. 10, 11: nowhere. 12: (2, 3) far only. 13: nowhere. 14: (2, 3)
  // again, which by now is near.
  EXPECT_EQ(copy_targets(tokens, 6, 8), (std::vector<Index>{8, 9, 12}));
  EXPECT_EQ(copy_targets(tokens, 6, 9), (std::vector<Index>{9, 12}));
  // (6, 7) lies across the border, so it is not far.
  const std::vector<Token> border{6, 7, 0, 6, 7};
  EXPECT_TRUE(copy_targets(border, 1, 3).empty());
}

TEST_F(LossTasks, ThePlanKnowsPassesAndTheOtherDocument) {
  const auto plan = [&](const std::string& task, const std::vector<Document>& documents) {
    return plan_items(model_, words_, documents,
                      {.tasks = {task}, .methods = {}, .lengths = {100}, .tail = 16}, {})
        .items;
  };
  const auto last = [](const std::vector<Item>& items) { return items.back(); };
  EXPECT_EQ(last(plan("llama", documents_)).cost, 4 * cost_of(model_.config(), 100));
  EXPECT_EQ(last(plan("sliding", documents_)).cost, 7 * cost_of(model_.config(), 100));
  // Another text beside it makes another result of far-use, and the same of tail.
  std::vector<Document> changed = documents_;
  changed[0] = identify({"d", draw(9, 400), {1}});
  for (const std::string task : {"far-use", "tail"})
    EXPECT_EQ(last(plan(task, documents_)).serves[0].key == last(plan(task, changed)).serves[0].key,
              task == "tail");
}

}  // namespace
}  // namespace rw
