// SPDX-License-Identifier: Apache-2.0
#include "evaluation/evaluate.h"

#include <algorithm>

#include "core/error.h"
#include "core/option.h"
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
      throw UsageError(option("tasks"), "a known task", "'" + task + "'",
                       option("several are a list", "separate several by spaces: --tasks tail passkey"));
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
    throw UsageError(option("stride"), fmt::format("less than the shortest length, {}", plan.lengths.front()),
                     fmt::format("{}", plan.stride));
}

/// The evidence is too little: the command that would decide, or what is missing for one.
NextStep next_step(const PreparedEval& prepared) {
  const PlanOptions& plan = prepared.runner.plan;
  const Index n_ctx_train = prepared.info.n_ctx_train;
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

/// From the request all but what is chosen.
PreparedEval begun(const EvalRequest& request, const Tokenizer& tokenizer, const RunInfo& info,
                   const Says& say) {
  if (request.texts.empty()) throw UsageError(option("texts", "--text"), "a text", "none");
  PreparedEval prepared;
  prepared.tokenizer = &tokenizer, prepared.n_documents = request.documents;
  prepared.command = request.command, prepared.info = info, prepared.info.command = request.call;
  prepared.info.special = request.special, prepared.info.margin = request.margin;
  RunnerOptions& runner = prepared.runner;
  runner.plan = request.plan, runner.shard = request.shard, runner.n_shards = request.n_shards,
  runner.share = request.share;
  runner.store = request.store, runner.only_stored = request.only_stored;
  runner.say = say;
  runner.n_at_once = request.n_at_once, runner.coordinator = request.coordinator;
  runner.budget_seconds = request.budget_seconds.value_or(0);
  return prepared;
}

/// Cuts the texts, where all is chosen, and holds the run against the store.
void end(PreparedEval& prepared, const Says& say) {
  const PlanOptions& plan = prepared.runner.plan;
  check_plan(plan);
  prepared.documents =
      cut_stretches(prepared.texts, tokens_needed(plan) - 1, prepared.n_documents, plan.tail, say);
  if (prepared.command) prepared.info.command = prepared.command(plan, prepared.n_documents, true);
  prepared.info.tail = plan.tail;
  Store* const store = prepared.runner.store;
  if (!store) return;
  store->require_alike(prepared.info, any_scores_tail(plan));
  store->require_texts(texts_by_name(prepared.documents));
}

/// Each once, ascending.
void sort_lengths(std::vector<Index>& lengths) {
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
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
      throw UsageError(option("methods"), "methods by name, or all",
                       "auto, which is decided for decoders alone");
    if (asked != "all") check_method(asked);
  }
  sort_lengths(request.plan.lengths);
}

void check_request_of_engines(EvalRequest& request) {
  expand_tasks(request.plan.tasks, false);
  if (request.plan.lengths.empty())
    throw UsageError(option("lengths"), "the lengths to ask for", "none",
                     "such as " + option("8192 and 16384", "--lengths 8k 16k 32k"));
  sort_lengths(request.plan.lengths);
}

PreparedEval prepare(std::shared_ptr<const Model> model, EvalRequest request, const Says& say) {
  const ModelConfig& config = model->config();
  check_request(request, config.encoder);
  PreparedEval prepared = begun(request, model->tokenizer(), run_info(*model, request.model_path), say);
  prepared.model = std::move(model), prepared.asked = *prepared.model;
  prepared.texts = tokenize_texts(*prepared.tokenizer, request.texts, request.special, say);
  if (const std::string line = acting_layers_line(config); !line.empty()) say(line);
  complete(prepared, request, say);
  end(prepared, say);
  const bool budget_asked = request.budget_seconds.value_or(0) > 0;
  prepared.runner.planned = announcer(*prepared.model, prepared.runner, budget_asked, say);
  return prepared;
}

PreparedEval prepare_engines(Asked asked, const Tokenizer& tokenizer, const RunInfo& info,
                             EvalRequest request, const Says& say) {
  constexpr int kDocuments = 8;
  check_request_of_engines(request);
  PreparedEval prepared = begun(request, tokenizer, info, say);
  prepared.asked = std::move(asked);
  prepared.texts = tokenize_texts(tokenizer, request.texts, request.special, say, false);
  PlanOptions& plan = prepared.runner.plan;
  const Index n_ctx_train = info.n_ctx_train;
  if (plan.tail == 0) plan.tail = usual_tail(n_ctx_train, plan.lengths.front());
  if (any_scores_tail(plan)) require_tail(plan.tail, n_ctx_train, plan.lengths.front());
  const int n_texts = static_cast<int>(prepared.texts.names.size());
  if (prepared.n_documents == 0)  // where the texts hold none, cut_stretches says it
    prepared.n_documents =
        std::max(1, std::min((kDocuments + n_texts - 1) / n_texts,
                             count_stretches(prepared.texts, tokens_needed(plan) - 1, kDocuments)));
  end(prepared, say);
  prepared.runner.planned = [say](const Plan& whole) {
    for (const std::string& line : whole.left_out) say("left out: " + line);
  };
  return prepared;
}

RunnerResult run_prepared(const PreparedEval& prepared, const std::function<void(double share)>& on_share) {
  RunnerOptions runner = prepared.runner;
  runner.on_share = on_share;
  return run_all(prepared.asked, *prepared.tokenizer, prepared.documents, runner, prepared.info);
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
