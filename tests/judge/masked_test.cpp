// SPDX-License-Identifier: Apache-2.0
/// The task of encoders on a tiny RoFormer (trained on 128 tokens): as transformers has it, as the definition
/// of each method has it, and which model has which task.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/json.h"
#include "core/text_file.h"
#include "judge/runner.h"
#include "judge/text_tokens.h"
#include "model/session.h"

namespace rw {
namespace {

std::string golden_path(const std::string& name) {
  return std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/" + name;
}

/// Ids up to 3 are special; a token is a word.
class Gaps : public Tokenizer {
 public:
  Gaps() { bos = 1, eos = 2, mask = 3, unk = 0, add_bos = add_eos = true; }
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  std::string decode(Token id, bool special) const override {
    return id > 3 || special ? fmt::format(" w{}", id) : "";
  }
  using Tokenizer::decode;
  Index n_vocab() const override { return 128; }
  std::string kind() const override { return "gaps"; }
};

class Masked : public testing::Test {
 protected:
  Masked()
      : shared_(Model::open(golden_path("tiny/roformer"), make_cpu_backend(Precision::kF32))),
        golden_(parse_json(read_bytes(golden_path("masked.json")), "masked.json")) {
    for (const auto& document : golden_["documents"])
      documents_.push_back(identify({"d", document["tokens"].get<std::vector<Token>>(), {1}}));
  }
  TaskInput input(const Model& model, const MethodSpec& spec, std::size_t d, Index tail, Index length) const {
    return {.model = model,
            .tokenizer = gaps_,
            .spec = spec,
            .document = documents_[d],
            .length = length,
            .tail = tail};
  }
  Record measure(const Model& model, const std::string& method, std::size_t d, Index tail,
                 Index length) const {
    const MethodSpec spec = MethodSpec::parse(method);
    return task_.run(input(model, spec, d, tail, length)).at(0);
  }
  RunnerResult run(const Model& model, std::vector<std::string> tasks, std::vector<std::string> methods) {
    PlanOptions plan{.tasks = std::move(tasks), .methods = std::move(methods), .lengths = {128, 190}};
    plan.tail = 40;
    return run_all(model, gaps_, documents_, {.plan = plan}, RunInfo{});
  }

  std::shared_ptr<const Model> shared_;
  Gaps gaps_;
  JsonInput golden_;
  std::vector<Document> documents_;
  const Task& task_ = Registry<Task>::get("masked", "task");
};

TEST_F(Masked, IsTheLossThatTransformersComputes) {
  std::size_t d = 0, n = 0;
  for (const auto& document : golden_["documents"]) {
    for (const auto& expected : document["runs"]) {
      const Record record =
          measure(*shared_, "none", d, document["tail"].get<Index>(), expected["length"].get<Index>());
      EXPECT_NEAR(record.loss, expected["loss"].get<double>(), 1e-4);
      EXPECT_EQ(record.n_targets, static_cast<Index>(document["places"].size()));
      EXPECT_EQ(record.achieved, expected["length"].get<Index>());
      ++n;
    }
    ++d;
  }
  EXPECT_EQ(n, 6u);
}

TEST_F(Masked, IsTheLossOfEachMethodsDefinition) {
  const auto definition = Model::open(golden_path("tiny/roformer"), make_reference_backend());
  const double plain = measure(*shared_, "none", 1, 64, 190).loss;
  for (const char* method : {"yarn:factor=2", "rerope:window=20", "self-extend:window=16,group=4",
                             "lm-infinite:sink=3,window=30"}) {
    const double loss = measure(*shared_, method, 1, 64, 190).loss;
    EXPECT_NEAR(loss, measure(*definition, method, 1, 64, 190).loss, 1e-4) << method;
    EXPECT_GT(std::abs(loss - plain), 1e-4) << method;
  }
}

TEST_F(Masked, EveryMethodIsJudgedOrRefusedByName) {
  std::set<std::string> refused;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) try {
      const Record record = measure(*shared_, info.name, 0, 40, 190);
      EXPECT_TRUE(std::isfinite(record.loss)) << info.name;
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find(info.name), std::string::npos) << e.what();
      refused.insert(info.name);
    }
  EXPECT_LT(refused.size(), Registry<MethodInfo>::all().size() / 2);
  EXPECT_TRUE(refused.contains("dca") && refused.contains("streaming-llm"));
}

TEST_F(Masked, ModelsHaveTheTasksOfTheirKind) {
  const auto decoder = Model::open(golden_path("tiny/llama"), make_cpu_backend(Precision::kF32));
  const auto says = [&](const Model& model, const std::string& task, const char* words) {
    try {
      run(model, {task}, {});
      ADD_FAILURE() << task;
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  for (const Task& task : Registry<Task>::all()) {
    if (task.unit == Unit::kAsked) continue;
    if (task.of_encoders)
      says(*decoder, task.name, "take tasks tail");
    else
      says(*shared_, task.name, "take tasks masked");
  }
}

/// But for "64 tokens before": truncation to 128 has only 88 before this tail of 40.
TEST_F(Masked, HasTheBaselinesOfTheTail) {
  const RunnerResult result = run(*shared_, {"masked"}, {"rerope:window=20"});
  std::set<std::pair<std::string, Index>> found;
  for (const Record& r : result.records) found.emplace(r.method, r.length);
  const std::set<std::pair<std::string, Index>> expected{{"none", 128},
                                                         {"none", 190},
                                                         {"rerope:window=20", 128},
                                                         {"rerope:window=20", 190},
                                                         {"none (truncated)", 128},
                                                         {"none (truncated)", 190}};
  EXPECT_EQ(found, expected);
}

TEST_F(Masked, SpecialTokensAreNotMasked) {
  documents_[0].tokens.assign(200, 2);
  EXPECT_THROW(measure(*shared_, "none", 0, 40, 128), Error);
  documents_[0].tokens[190] = 77;
  EXPECT_EQ(measure(*shared_, "none", 0, 40, 128).n_targets, 1);
}

TEST_F(Masked, UnknownTokensAreNoText) {
  EXPECT_TRUE(is_unknown(gaps_, 0));
  EXPECT_FALSE(is_unknown(gaps_, 1) || is_unknown(gaps_, 4) || stands_for_text(gaps_, 0));
  EXPECT_EQ(some_text_token(gaps_), 4);
  const std::vector<Token> text{7, 0, 9, 0}, unknown = unknown_among(gaps_, text);
  EXPECT_EQ(unknown, std::vector<Token>{0});
  EXPECT_EQ(share_unknown(text, unknown), 0.5);
}

TEST_F(Masked, AStretchWithNothingToScoreIsLeftOutByName) {
  documents_.push_back(documents_[0]);
  documents_[0].name = "novel.txt#1", documents_[1].name = "novel.txt#2", documents_[2].name = "novel.txt#3";
  std::fill(documents_[1].tokens.end() - 40, documents_[1].tokens.end(), 2);  // a chapter in another script
  std::vector<std::string> left_out;
  PlanOptions plan{.tasks = {"masked"}, .methods = {}, .lengths = {128, 190}};
  plan.tail = 40;
  RunnerOptions runner{.plan = plan};
  runner.planned = [&](const Plan& planned) { left_out = planned.left_out; };
  std::set<std::string> read;
  for (const Record& r : run_all(*shared_, gaps_, documents_, runner, RunInfo{}).records)
    read.insert(r.document);
  EXPECT_EQ(read, (std::set<std::string>{"novel.txt#1", "novel.txt#3"}));
  ASSERT_EQ(left_out.size(), 1u);
  EXPECT_EQ(left_out[0],
            "masked in novel.txt#2, of 3 documents: the vocabulary knows none of the last 40 tokens");
  runner.plan.tail = 41;  // one more, which it knows
  run_all(*shared_, gaps_, documents_, runner, RunInfo{});
  EXPECT_TRUE(left_out.empty());
  documents_ = {documents_[1]};
  try {
    run(*shared_, {"masked"}, {});
    ADD_FAILURE() << "nothing to score, and no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("vocabulary knows among the last 40 tokens"), std::string::npos);
  }
}

}  // namespace
}  // namespace rw
