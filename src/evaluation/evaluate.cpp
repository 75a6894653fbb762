// SPDX-License-Identifier: Apache-2.0
#include "evaluation/evaluate.h"

#include <algorithm>

#include "core/error.h"
#include "core/registry.h"
#include "core/text.h"
#include "evaluation/complete.h"
#include "evaluation/plan_time.h"
#include "evaluation/report_for.h"
#include "evaluation/run_info.h"
#include "evaluation/to_decide.h"
#include "model/method_choice.h"

namespace rw {
namespace {

/// "all" becomes every task on texts that such a model has, nothing the usual one.
void expand_tasks(std::vector<std::string>& tasks, bool encoder) {
  if (tasks.empty()) tasks = {usual_task(encoder)};
  for (const std::string& task : tasks)
    if (task.find(',') != std::string::npos)
      throw UsageError("--tasks", "a known task", "'" + task + "'",
                       "separate several by spaces: --tasks tail passkey");
  if (std::find(tasks.begin(), tasks.end(), "all") != tasks.end()) {
    tasks.clear();
    for (const Task& task : Registry<Task>::all())
      if (task.unit != Unit::kAsked && task.of_encoders == encoder) tasks.push_back(task.name);
  }
  require_tasks_fit(tasks, encoder);
}

/// The rest, once the trained length is known.
void check_plan(const PlanOptions& plan) {
  if (plan.stride >= plan.lengths.front())  // tokens between two windows would be left out
    throw UsageError("--stride", fmt::format("less than the shortest length, {}", plan.lengths.front()),
                     fmt::format("{}", plan.stride));
}

/// The evidence is too little: the command that would decide, or what is missing for one.
NextStep next_step(const PreparedEval& prepared) {
  const PlanOptions& plan = prepared.runner.plan;
  const Index n_ctx_train = prepared.model->config().n_ctx_train;
  const auto stretches = [&](const PlanOptions& wished) {
    return stretches_to_decide(prepared.texts, tokens_needed(wished) - 1, Judged::kAll, kEnoughUnits, 8);
  };
  const auto step = [&](const std::string& words, const PlanOptions& wished, int n) {
    return prepared.command
               ? NextStep{words + ":", prepared.command(wished, n, false)}
               : NextStep{fmt::format("{}, take {} of each text.", words, counted(n, "document")), ""};
  };
  if (const int n = stretches(plan); n > 0) return step("To decide", plan, n);
  const Index longest = plan.lengths.back();
  for (Index length = longest / n_ctx_train * n_ctx_train; length > n_ctx_train; length -= n_ctx_train) {
    PlanOptions shorter = plan;
    std::erase_if(shorter.lengths, [&](Index asked) { return asked >= length; });
    shorter.lengths.push_back(length);
    if (const int n = stretches(shorter); n > 0)
      return step(fmt::format("The text is too short to decide at {}. To decide at {}", k_tokens(longest),
                              k_tokens(length)),
                  shorter, n);
  }
  return {"To decide, give " + text_to_decide(prepared.texts, longest, kEnoughUnits) + ".", ""};
}

}  // namespace

bool any_scores_tail(const PlanOptions& plan) {
  return std::any_of(plan.tasks.begin(), plan.tasks.end(),
                     [](const std::string& task) { return Registry<Task>::get(task, "task").last_tokens; });
}

void check_request(EvalRequest& request, bool encoder) {
  expand_tasks(request.plan.tasks, encoder);
  for (const std::string& asked : request.plan.methods) {
    if (asked == "auto" && encoder)
      throw UsageError("--methods", "methods by name, or all", "auto, which is decided for decoders alone");
    if (asked != "all") check_method(asked);
  }
  std::vector<Index>& lengths = request.plan.lengths;
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
}

PreparedEval prepare(std::shared_ptr<const Model> model, EvalRequest request, const Says& say) {
  const ModelConfig& config = model->config();
  check_request(request, config.encoder);
  if (request.texts.empty()) throw UsageError("--text", "a text", "none");
  PreparedEval prepared;
  prepared.model = std::move(model), prepared.n_documents = request.documents;
  prepared.command = request.command;
  const Tokenizer& tokenizer = prepared.model->tokenizer();
  prepared.texts = tokenize_texts(tokenizer, request.texts, request.special, say);
  prepared.info = run_info(*prepared.model, request.model_path);
  prepared.info.special = request.special, prepared.info.margin = request.margin;
  if (const std::string line = acting_layers_line(config); !line.empty()) say(line);
  RunnerOptions& runner = prepared.runner;
  runner.plan = request.plan, runner.shard = request.shard, runner.n_shards = request.n_shards;
  runner.store = request.store, runner.only_stored = request.only_stored;
  runner.budget_seconds = request.budget_seconds.value_or(0);
  complete(prepared, request, say);
  const PlanOptions& plan = runner.plan;
  check_plan(plan);
  prepared.documents =
      cut_stretches(prepared.texts, tokens_needed(plan) - 1, prepared.n_documents, plan.tail, say);
  if (prepared.command) prepared.info.command = prepared.command(plan, prepared.n_documents, true);
  prepared.info.tail = plan.tail;
  if (runner.store) {
    runner.store->require_alike(prepared.info, any_scores_tail(plan));
    runner.store->require_texts(texts_by_name(prepared.documents));
  }
  const bool budget_asked = request.budget_seconds.value_or(0) > 0;
  runner.planned = announcer(*prepared.model, runner, budget_asked, say);
  return prepared;
}

RunnerResult run_prepared(const PreparedEval& prepared, const std::function<void(double share)>& on_share) {
  RunnerOptions runner = prepared.runner;
  runner.on_share = on_share;
  return run_all(*prepared.model, prepared.model->tokenizer(), prepared.documents, runner, prepared.info);
}

ReportData report_of(const PreparedEval& prepared, const RunnerResult& result) {
  ReportData report = report_for(result.records, prepared.info);
  report.next = next_step(prepared);
  return report;
}

EvalOutcome evaluate(std::shared_ptr<const Model> model, EvalRequest request, const Says& say,
                     const std::function<void(double share)>& on_share) {
  const PreparedEval prepared = prepare(std::move(model), std::move(request), say);
  EvalOutcome outcome{run_prepared(prepared, on_share), {}};
  outcome.report = report_of(prepared, outcome.result);
  return outcome;
}

}  // namespace rw
