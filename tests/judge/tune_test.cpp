// SPDX-License-Identifier: Apache-2.0
/// Choosing among candidates, on a tiny model (trained on 64 tokens).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/text_file.h"
#include "judge/retrieval.h"
#include "judge/tune_evidence.h"
#include "model/identity.h"

namespace rw {
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

/// Of passkey's first question about each document, which is another one each.
std::string first_keys(const std::vector<Document>& documents) {
  std::string keys;
  for (const Document& document : documents) {
    Dice dice("passkey", drawn_seed(document, 1));
    std::vector<std::string> used;
    keys += draw_number(dice, 5, used) + " ";
  }
  return keys;
}

class Tune : public testing::Test {
 protected:
  Tune()
      : shared_(Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama",
                            make_cpu_backend(Precision::kF32))),
        model_(*shared_) {
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
  std::shared_ptr<const Model> shared_;
  const Model& model_;
  NoText tokenizer_;
  std::vector<Document> documents_;
};

TEST_F(Tune, CandidatesFitTheModelAndAreOfEveryKind) {
  const std::vector<std::string> all = tune_candidates(model_.config(), 160);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  EXPECT_FALSE(std::count(all.begin(), all.end(), kPlain)) << "it takes part without being named";
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

/// docs/judging.md says how many there are, for a model trained on 8k whose heads were measured.
TEST_F(Tune, TheDocumentsCountIsTheProgramsCount) {
  ModelConfig config = model_.config();
  config.n_ctx_train = 8192;
  const MeasuredHeads heads{.model_id = "x", .model = "", .ranks = "1.0", .heads = "1.1", .on = ""};
  const std::string judging = read_bytes(std::string(ROPEWALK_SOURCE_DIR) + "/docs/judging.md");
  const std::string said =
      fmt::format("all candidates ({} for SmolLM2 at 10k:", tune_candidates(config, 10240, &heads).size());
  EXPECT_NE(judging.find(said), std::string::npos) << said;
}

/// Methods that differ by head take part with the choice that was measured of this very model, or not at all.
TEST_F(Tune, HeadsAreMeasuredOrTheirMethodsAreNamedAndLeftOut) {
  const auto named = [this](const MeasuredHeads* heads, const std::string& name) {
    const std::vector<std::string> all = tune_candidates(model_.config(), 160, heads);
    return std::find_if(all.begin(), all.end(),
                        [&](const std::string& text) { return text.starts_with(name); }) != all.end();
  };
  const MeasuredHeads heads{.model_id = "x", .model = "", .ranks = "1.0", .heads = "1.1", .on = ""};
  for (const std::string name : kMeasuredMethods) {
    EXPECT_FALSE(named(nullptr, name)) << name;
    EXPECT_TRUE(named(&heads, name + ":")) << name;
    EXPECT_NE(why_unmeasured("another").find(name), std::string::npos);
  }
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    EXPECT_EQ(info.by_head,
              std::count(std::begin(kMeasuredMethods), std::end(kMeasuredMethods), info.name) > 0)
        << info.name;
}

/// A measurement that is committed fits its model: the one that lies in this repository is bound in all
/// layers.
TEST(MeasuredHeadsOfModels, AreOfTheModelThatTheyName) {
  const auto file = ModelFile::open(ROPEWALK_SOURCE_DIR "/models/short-256.gguf");
  const MeasuredHeads* heads = find_measured_heads(model_id(*file));
  ASSERT_NE(heads, nullptr) << "measure them again: tools/measure_heads.py";
  EXPECT_EQ(why_unmeasured(heads->model_id), "");
  const ModelConfig config = read_config(*file);
  for (const std::string& spec :
       {fmt::format("ms-poe:ranks={}", heads->ranks), fmt::format("dope:heads={}", heads->heads)})
    for (int layer = 0; layer < config.n_layers(); ++layer)
      EXPECT_NO_THROW(Method::bind(MethodSpec::parse(spec), config.rope_context(layer, 1024))) << spec;
  std::set<std::string_view> ids;
  for (const MeasuredHeads& each : all_measured_heads()) {
    EXPECT_EQ(each.model_id.size(), 64u);
    EXPECT_TRUE(ids.insert(each.model_id).second);
  }
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

/// What is stored has to hold at other lengths: only a base stays as it is.
TEST_F(Tune, CandidatesFollowTheLength) {
  for (const std::string& text : tune_candidates(model_.config(), 160)) {
    for (const MethodPart& part : MethodSpec::parse(text).parts)
      for (const auto& [name, value] : part.parameters)
        if (name == "factor" || name == "group") {
          EXPECT_EQ(value.back(), 'x') << text;
        }
    EXPECT_NO_THROW(Method::bind(MethodSpec::parse(text), model_.config().rope_context(0, 100))) << text;
  }
}

TEST_F(Tune, TheLastRoundIsOverAllDocumentsAndInOrder) {
  const std::vector<std::string> candidates{"pi",          "ntk",  "yarn:factor=2.5",  "rerope:window=16",
                                            "self-extend", "none", "window:window=64", "pi:factor=1x"};
  const TuneResult result =
      tune(model_, tokenizer_, documents_, {.length = 160, .tail = 16, .candidates = candidates}, {});
  const std::vector<TuneRow>& rows = result.rows;
  ASSERT_EQ(rows.size(), candidates.size() + 1);
  std::set<std::string> names, expected(candidates.begin(), candidates.end());
  expected.insert(kTruncated);
  for (const TuneRow& row : rows) names.insert(row.method);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(rows[0].n_documents, documents_.size());
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(rows[i - 1].round, rows[i].round);
    if (rows[i].round == rows[0].round) {
      EXPECT_LE(rows[i - 1].loss, rows[i].loss);
    }
  }
  for (const TuneRow& row : rows) {
    EXPECT_EQ(row.same_as, row.method == "pi:factor=1x" ? "pi" : "") << row.method;
    if (row.method == kPlain || row.method == kTruncated) {
      EXPECT_EQ(row.round, rows[0].round) << "in each round";
    }
  }
  const TuneRow& winner = rows[0].method == kTruncated ? rows[1] : rows[0];
  EXPECT_EQ(result.winner(), winner.method);
  EXPECT_NEAR(winner.loss, mean_loss(winner.method), 1e-9);
  EXPECT_EQ(result.plan.n_begin, 7u);
}

TEST_F(Tune, OfEqualsPlainRopeWins) {
  const TuneResult result =
      tune(model_, tokenizer_, documents_,
           {.length = 160, .tail = 16, .candidates = {"pi:factor=1", "ntk:factor=1", "yarn:factor=1"}}, {});
  std::size_t best = result.rows[0].method == kTruncated ? 1 : 0;
  EXPECT_EQ(result.rows[best].method, kPlain);
  EXPECT_EQ(result.winner(), kPlain);
  for (const TuneRow& row : result.rows)
    if (row.method.find("factor") != std::string::npos) {
      EXPECT_EQ(row.same_as, kPlain);
      if (row.round == result.rows[best].round) {
        EXPECT_EQ(row.loss, result.rows[best].loss);
      }
    }
}

TEST_F(Tune, InsideTheTrainedLengthThereIsNothingToTune) {
  EXPECT_THROW(tune(model_, tokenizer_, documents_, {.length = 64, .tail = 16, .candidates = {"ntk"}}, {}),
               LogicError);
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
    return tune(model_, Repeats(first_keys(documents_)), documents_,
                {.length = 160, .tail = 16, .goal = goal, .candidates = candidates, .n_questions = 1}, {})
        .rows;
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

TEST_F(Tune, TheWinnerIsJudgedBesideYarnPlainAndTruncation) {
  const TuneOptions options{
      .length = 160, .tail = 16, .goal = Goal::kBoth, .candidates = {"ntk"}, .n_questions = 1};
  const std::vector<Record> records =
      evaluate_winner(model_, Repeats(first_keys(documents_)), documents_, "ntk", options, 0, {}).records;
  const std::vector<Margin> all = margins(records, 160, "ntk");
  ASSERT_EQ(all.size(), 3u);
  for (const Margin& m : all) {
    EXPECT_EQ(m.loss.units.n_documents(), 4u) << m.rival;
    EXPECT_EQ(m.score.units.n_documents(), 4u) << m.rival;
  }
  EXPECT_EQ(margins(records, 160, "yarn").size(), 2u) << "it is no rival of itself";
  EXPECT_EQ(evaluate_winner(model_, Repeats(first_keys(documents_)), documents_, "ntk", options, 1e-6, {})
                .n_documents,
            1u);
}

TEST_F(Tune, OneCandidateStillGivesAnAnswer) {
  const TuneResult result =
      tune(model_, tokenizer_, documents_, {.length = 160, .tail = 16, .candidates = {"ntk"}}, {});
  EXPECT_EQ(result.rows.size(), 3u);
}

TEST_F(Tune, ABudgetThatCannotBeMetIsSaidBeforeTheWork) {
  bool planned = false;
  try {
    tune(model_, tokenizer_, documents_,
         {.length = 160,
          .tail = 16,
          .candidates = {"ntk", "pi", "yarn", "dca", "rerope"},
          .n_to_judge = 4,
          .budget_seconds = 1e-6,
          .planned = [&](const TunePlan&) { planned = true; }},
         {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("4 candidates on one document"), std::string::npos)
        << error.what();
  }
  EXPECT_FALSE(planned);
}

TEST_F(Tune, ThePlanIsSaidBeforeTheWork) {
  std::vector<TunePlan> plans;
  TuneOptions options{.length = 160, .tail = 16, .candidates = {"ntk", "pi", "yarn", "dca", "none"}};
  options.n_to_judge = 2, options.planned = [&](const TunePlan& plan) { plans.push_back(plan); };
  const TuneResult free = tune(model_, tokenizer_, documents_, options, {});
  options.budget_seconds = 1000;
  tune(model_, tokenizer_, documents_, options, {});
  ASSERT_EQ(plans.size(), 2u);
  for (const TunePlan& plan : plans) {
    EXPECT_EQ(plan.n_begin, 4u);
    EXPECT_EQ(plan.n_left_out, 0u);
    EXPECT_GT(plan.seconds, 0);
    EXPECT_LE(plan.seconds, 1000);
  }
  EXPECT_EQ(free.plan.seconds, plans[0].seconds);
}

}  // namespace
}  // namespace rw
