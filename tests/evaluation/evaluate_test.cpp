// SPDX-License-Identifier: Apache-2.0
/// An evaluation and a choice without a command line, on the small model.
#include "evaluation/evaluate.h"

#include <gtest/gtest.h>

#include "core/text_file.h"
#include "evaluation/choose_method.h"
#include "evaluation/plan_time.h"

namespace rw {
namespace {

const std::string kModel = ROPEWALK_SOURCE_DIR "/models/short-256.gguf";

class EvaluateTest : public testing::Test {
 protected:
  void SetUp() override {
    model_ = Model::open(kModel, make_cpu_backend(std::make_shared<Context>(ContextOptions{}),
                                                  Precision::kBf16, KvType::kBf16));
    const std::string text = read_text(ROPEWALK_SOURCE_DIR "/data/persuasion.txt", std::size_t{1} << 20).text;
    texts_ = {{"books/persuasion.txt", text}};
  }
  std::shared_ptr<const Model> model_;
  std::vector<NamedText> texts_;
};

TEST_F(EvaluateTest, gives_records_verdicts_and_what_would_decide) {
  EvalRequest request;
  request.texts = texts_, request.documents = 2, request.model_path = kModel;
  request.plan.methods = {"rerope"}, request.plan.lengths = {512, 256, 512}, request.plan.tail = 64;
  double most = 0;
  const EvalOutcome outcome =
      evaluate(model_, request, kQuiet, [&](double share) { most = std::max(most, share); });
  EXPECT_GT(most, 0.5);
  EXPECT_EQ(outcome.result.n_documents, 2u);
  ASSERT_FALSE(outcome.report.cells.empty());
  for (const Record& record : outcome.result.records)
    EXPECT_EQ(record.document.rfind("persuasion.txt#", 0), 0u);
  EXPECT_EQ(outcome.report.run.tail, 64);
  EXPECT_EQ(outcome.report.run.n_ctx_train, 256);
  ASSERT_TRUE(outcome.report.next);  // without a command it is said in words
  EXPECT_NE(outcome.report.next->words.find("8 documents of each text"), std::string::npos)
      << outcome.report.next->words;
  EXPECT_EQ(outcome.report.next->command, "");
}

TEST_F(EvaluateTest, a_command_is_told_of_the_whole_plan) {
  EvalRequest request;
  request.texts = texts_, request.documents = 1, request.model_path = kModel;
  request.plan.methods = {"none"}, request.plan.lengths = {256};
  request.command = [](const PlanOptions& plan, int documents, bool) {
    return fmt::format("tail {} documents {}", plan.tail, documents);
  };
  const PreparedEval prepared = prepare(model_, request, kQuiet);
  EXPECT_EQ(prepared.info.command, "tail 128 documents 1");
}

/// Who gave no budget hears nothing of "the budget", and not that it has room where it has none.
TEST(Budget, IsToldInTheWordsOfWhoGaveOneOrNone) {
  RunnerOptions options;
  options.budget_seconds = 600;
  const PlanTime some{.left = 1800, .within_budget = 600, .n_documents = 6, .n_fit = 2},
      none{.left = 18000, .within_budget = 3000, .n_documents = 6, .n_fit = 1};
  EXPECT_EQ(room_text(some, options, true), "the budget has room for about 2 of 6 documents: 10 minutes");
  EXPECT_EQ(room_text(some, options, false),
            "without budget_seconds a run has 10 minutes, room for about 2 of 6 documents: 10 minutes");
  EXPECT_EQ(room_text(none, options, false), "only 1 of 6 documents is measured: 50 minutes");
  std::string said;
  const Says say = [&said](const std::string& line) { said += line; };
  heed_budget(some, options, false, say);
  EXPECT_EQ(said, "");
  EXPECT_THROW(heed_budget(none, options, true, say), UsageError);
  heed_budget(none, options, false, say);
  EXPECT_EQ(said.find("one document takes about 50 minutes, and is measured though that is more than the 10 "
                      "minutes of a run without budget_seconds; fewer "),
            0u)
      << said;
}

TEST_F(EvaluateTest, wrong_requests_are_errors) {
  EvalRequest request;
  EXPECT_THROW(prepare(model_, request, kQuiet), UsageError);  // no text
  request.texts = texts_, request.plan.tasks = {"no-such-task"};
  EXPECT_THROW(prepare(model_, request, kQuiet), UsageError);
  request.plan.tasks = {}, request.plan.methods = {"no-such-method"};
  EXPECT_THROW(prepare(model_, request, kQuiet), UsageError);
}

TEST_F(EvaluateTest, a_choice_says_what_it_rests_on) {
  EXPECT_NE(nothing_to_tune(256, model_->config()), "");
  EXPECT_EQ(nothing_to_tune(512, model_->config()), "");
  TuneRequest request;
  request.texts = texts_, request.length = 512, request.documents = 4, request.candidates = {"rerope", "pi"};
  request.tail = 64, request.model_path = kModel;
  TuneOutcome outcome = choose_method(model_, request);
  EXPECT_EQ(outcome.n_to_choose_on + outcome.n_to_judge_on, 4u);
  EXPECT_EQ(outcome.conclusion.finding, TuneFinding::kTooFew);
  ASSERT_TRUE(outcome.next);
  const Json json = tuned_json(outcome, true);
  EXPECT_EQ(json["length"], 512);
  EXPECT_EQ(json["stored"], false);
  EXPECT_EQ(json["candidates"].size(), 4u);  // with plain RoPE and truncation
  outcome.bound = "rerope:window=128";
  EXPECT_EQ(tuned_json(outcome, true)["stored"], true);
  EXPECT_EQ(tuned_json(outcome, false)["stored"], false);  // who asked keeps nothing
}

}  // namespace
}  // namespace rw
