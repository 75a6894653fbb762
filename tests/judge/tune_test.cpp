// SPDX-License-Identifier: Apache-2.0
/// Choosing among candidates, on a tiny model (trained on 64 tokens).
#include "judge/tune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "judge/retrieval.h"

namespace ropewalk {
namespace {

class NoText : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  std::string decode(Token, bool) const override { return "."; }
  Index n_vocab() const override { return 64; }
  std::string kind() const override { return "none"; }
};

/// A prompt of one token and a model that writes the same word always: what it finds is known beforehand.
class Repeats : public NoText {
 public:
  explicit Repeats(std::string word = "x") : word_(std::move(word)) {}
  std::string decode(Token, bool) const override { return word_; }

 private:
  std::string word_;
};

/// Of passkey's first question.
std::string first_key() {
  Dice dice("passkey", 1);
  std::vector<std::string> used;
  return draw_number(dice, 5, used);
}

class Tune : public testing::Test {
 protected:
  Tune()
      : file_(ModelFile::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama")),
        model_(*file_, make_cpu_backend(Precision::kF32)) {
    for (std::uint32_t d = 0; d < 4; ++d) {
      std::vector<Token> tokens;
      for (std::uint32_t i = 0, x = d + 7; i < 200; ++i) {
        x = x * 1664525u + 1013904223u;
        tokens.push_back(static_cast<Token>((x >> 8) % static_cast<std::uint32_t>(model_.config().n_vocab)));
      }
      documents_.push_back(identify({fmt::format("d{}", d), tokens, {}}));
    }
  }
  double mean_loss(const std::string& method) const {
    double sum = 0;
    for (const Document& d : documents_) {
      const std::vector<Token> tokens = context_before(d, 200, 160);
      for (double loss : token_losses(model_, MethodSpec::parse(method), tokens, 143, 159)) sum += loss / 16;
    }
    return sum / static_cast<double>(documents_.size());
  }
  std::unique_ptr<ModelFile> file_;
  Model model_;
  NoText tokenizer_;
  std::vector<Document> documents_;
};

TEST_F(Tune, CandidatesFitTheModelAndAreOfEveryKind) {
  const std::vector<std::string> all = tune_candidates(model_.config(), 160);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  std::set<std::string> kinds;
  for (const std::string& text : all) {
    const MethodSpec spec = MethodSpec::parse(text);
    EXPECT_NO_THROW(Method::bind(spec, model_.config().rope_context(0, 160))) << text;
    for (const MethodPart& part : spec.parts)
      kinds.insert(Registry<MethodInfo>::get(part.name, "method").kind);
  }
  for (const char* kind : {"frequency", "distance", "mask", "scale"})
    EXPECT_TRUE(kinds.contains(kind)) << kind;
}

/// What issue 5 names: each parameter is varied, and each method of 2024 to 2026 takes part.
TEST_F(Tune, CandidatesVaryEveryParameterAndHoldTheNewestMethods) {
  std::map<std::string, std::set<std::string>> values;  // of a parameter, over all methods
  std::set<std::string> names;
  for (const std::string& text : tune_candidates(model_.config(), 160)) {
    const MethodSpec spec = MethodSpec::parse(text);
    for (const MethodPart& part : spec.parts) {
      names.insert(part.name);
      for (const auto& [name, value] : part.parameters) values[name].insert(value);
    }
  }
  for (const char* name : {"window", "factor", "group", "beta_fast", "beta_slow", "value"})
    EXPECT_GE(values[name].size(), 2u) << name;
  for (const char* name :
       {"base",     "logn",   "jet-long", "mrrope-uni", "mrrope-pro",   "infoscale",    "lampe",
        "adagrope", "yarn",   "ntk",      "pi",         "rerope",       "leaky-rerope", "self-extend",
        "dca",      "string", "lambda",   "llama3",     "ntk-by-parts", "dynamic-ntk"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST_F(Tune, TheLastRoundIsOverAllDocumentsAndInOrder) {
  const std::vector<std::string> candidates{"pi",   "ntk",         "yarn:factor=2.5", "rerope:window=16",
                                            "none", "self-extend", "window:window=64"};
  const std::vector<TuneRow> rows =
      tune(model_, tokenizer_, documents_, {.length = 160, .tail = 16, .candidates = candidates}, {});
  ASSERT_EQ(rows.size(), candidates.size());
  std::set<std::string> names;
  for (const TuneRow& row : rows) names.insert(row.method);
  EXPECT_EQ(names, std::set<std::string>(candidates.begin(), candidates.end()));
  EXPECT_EQ(rows[0].n_documents, documents_.size());
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(rows[i - 1].round, rows[i].round);
    if (rows[i].round == rows[0].round) {
      EXPECT_LE(rows[i - 1].loss, rows[i].loss);
    }
  }
  EXPECT_NEAR(rows[0].loss, mean_loss(rows[0].method), 1e-9);
}

TEST_F(Tune, AModelThatFindsNothingInShortTextsCannotBeTunedForIt) {
  for (const Goal goal : {Goal::kRetrieval, Goal::kBoth}) try {
      tune(model_, Repeats(), documents_,
           {.length = 160, .tail = 16, .goal = goal, .candidates = {"ntk", "pi"}, .n_questions = 1}, {});
      FAIL();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("0 of 3 found"), std::string::npos) << error.what();
    }
}

/// Every score is 1 here, so that the loss decides, as is said; and the scores are there.
TEST_F(Tune, LossBreaksTiesOfRetrieval) {
  const std::vector<std::string> candidates{"none", "yarn:factor=2.5", "pi", "ntk"};
  const auto run = [&](Goal goal) {
    return tune(model_, Repeats(first_key()), documents_,
                {.length = 160, .tail = 16, .goal = goal, .candidates = candidates, .n_questions = 1}, {});
  };
  const std::vector<TuneRow> by_loss = run(Goal::kLoss), by_score = run(Goal::kRetrieval);
  ASSERT_EQ(by_loss.size(), by_score.size());
  for (std::size_t i = 0; i < by_loss.size(); ++i) {
    EXPECT_EQ(by_loss[i].method, by_score[i].method);
    EXPECT_EQ(by_loss[i].loss, by_score[i].loss);
    EXPECT_FALSE(by_loss[i].score.has_value());
    EXPECT_EQ(by_score[i].score, 1.0);
  }
}

TEST_F(Tune, TheMarginIsPairedByDocument) {
  std::vector<Record> records;
  const auto put = [&](const char* task, const char* method, const char* document, double value) {
    Record r;
    r.task = task, r.method = method, r.document = document, r.length = 160;
    if (std::string_view(task) == "tail")
      r.loss = value;
    else
      r.score = value;
    records.push_back(r);
  };
  for (const auto& [document, loss] : {std::pair{"a", 1.0}, {"b", 2.0}, {"c", 4.0}}) {
    put("tail", "yarn", document, loss);
    put("tail", "pi", document, loss + 0.5);
    put("passkey", "pi", document, 1), put("passkey", "pi", document, 0);
    put("passkey", "yarn", document, loss > 1 ? 1 : 0);
  }
  put("tail", "pi", "alone", 99);
  const Margin m = margin(records, 160, "pi", "yarn");
  EXPECT_EQ(m.loss.n, 3);
  EXPECT_DOUBLE_EQ(m.loss.mean, 0.5);
  EXPECT_DOUBLE_EQ(m.loss.deviation, 0);
  EXPECT_EQ(m.score.n, 3);
  EXPECT_DOUBLE_EQ(m.score.mean, (0.5 - 0.5 - 0.5) / 3);
  EXPECT_EQ(margin(records, 320, "pi", "yarn").loss.n, 0);
  EXPECT_EQ(margin(records, 160, "pi", "dca").score.n, 0);
}

TEST_F(Tune, TheWinnerIsJudgedBesideYarnPlainAndTruncation) {
  const TuneOptions options{
      .length = 160, .tail = 16, .goal = Goal::kBoth, .candidates = {"ntk"}, .n_questions = 1};
  const std::vector<Record> records =
      evaluate_winner(model_, Repeats(first_key()), documents_, "ntk", options, 0, {}).records;
  for (const std::string& rival : {std::string("yarn"), kPlain, kTruncated}) {
    const Margin m = margin(records, 160, "ntk", rival);
    EXPECT_EQ(m.loss.n, 4) << rival;
    EXPECT_EQ(m.score.n, 4) << rival;
  }
  EXPECT_EQ(evaluate_winner(model_, Repeats(first_key()), documents_, "ntk", options, 1e-6, {}).n_documents,
            1u);
}

TEST_F(Tune, OneCandidateOrALittleTimeStillGivesAnAnswer) {
  EXPECT_EQ(
      tune(model_, tokenizer_, documents_, {.length = 160, .tail = 16, .candidates = {"ntk"}}, {})[0].method,
      "ntk");
  const std::vector<TuneRow> rows = tune(
      model_, tokenizer_, documents_,
      {.length = 160, .tail = 16, .candidates = {"ntk", "pi", "yarn", "dca"}, .budget_seconds = 1e-6}, {});
  EXPECT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].n_documents, 1u);
}

}  // namespace
}  // namespace ropewalk
