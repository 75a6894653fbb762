// SPDX-License-Identifier: Apache-2.0
/// The main job, for whoever asks for it: which methods keep working past the trained length, on texts that
/// somebody gave? What was not said is chosen, as much as the budget buys.
#pragma once
#include <memory>
#include <optional>

#include "evaluation/texts.h"
#include "judge/runner.h"
#include "results/report_data.h"
#include "results/verdict.h"

namespace rw {

struct EvalRequest {
  std::vector<NamedText> texts;
  /// `methods`: as typed, "all" and "auto" too; empty: a few good ones. `lengths`: in any order; empty: from
  /// the trained one up. `tasks`: "all" too; empty: the usual one. `tail` 0: usual_tail.
  PlanOptions plan = {.tasks = {}, .methods = {}, .lengths = {}, .tail = 0};
  int documents = 0;                     ///< stretches of each text; 0: as many as the budget buys
  double margin = kStabilityMargin;      ///< nats that count as stable
  std::optional<double> budget_seconds;  ///< 0: none; not said: none, but kDefaultBudget for what is chosen
  bool special = false;                  ///< control tokens that are spelled in the texts are read as such
  int shard = 1, n_shards = 1;
  std::string share = {};              ///< see RunnerOptions
  int n_at_once = 1;                   ///< items that other engines are asked side by side
  Coordinator* coordinator = nullptr;  ///< of ranks that measure beside this one
  Store* store = nullptr;              ///< finished items are taken from it, and go to it
  bool only_stored = false;            ///< nothing is run
  std::string model_path;  ///< as asked for: its name in results, and where "auto" looks for what tune found
  /// What makes such results again, for people and in each record; none: nothing is said. Its plan and
  /// documents are whole.
  std::function<std::string(const PlanOptions& plan, int documents, bool with_budget)> command = {};
  std::string call = {};  ///< in its place, of a library's caller: as it was typed
};

/// Whether a task of the plan scores the same last tokens at every length.
bool any_scores_tail(const PlanOptions& plan);

/// What can be said before the model is loaded: tasks become names, lengths ascend, each once. Errors:
/// UsageError for a task or method that does not exist, or that is not of such a model.
void check_request(EvalRequest& request, bool encoder);

/// The same where other engines are asked: their methods are no names of ours. Errors: also UsageError
/// without lengths, which are not chosen there.
void check_request_of_engines(EvalRequest& request);

/// Everything that a run needs, chosen and checked.
struct PreparedEval {
  std::shared_ptr<const Model> model;  ///< none: other engines
  Asked asked = std::shared_ptr<const AskedEngine>();
  const Tokenizer* tokenizer = nullptr;
  RunnerOptions runner;  ///< `planned` says what a long run will take
  RunInfo info;
  TokenTexts texts;
  std::vector<Document> documents;
  int n_documents = 0;  ///< stretches of each text
  std::function<std::string(const PlanOptions&, int, bool)> command;
};

/// check_request, and the rest. The runner's store is request.store. Errors: UsageError, Error: texts that
/// are too short or alike, what does not fit the model, a store of other results.
PreparedEval prepare(std::shared_ptr<const Model> model, EvalRequest request, const Says& say);

/// The same of other engines: `info` says of them what is known, and request.plan.methods are their names but
/// the plain one's. `tokenizer` outlives it. Documents that were not asked for: up to 8 in all.
PreparedEval prepare_engines(Asked asked, const Tokenizer& tokenizer, const RunInfo& info,
                             EvalRequest request, const Says& say);

/// Does it. `on_share`: called with the share that is done; none: a line of progress on stderr. Errors:
/// run_all's.
RunnerResult run_prepared(const PreparedEval& prepared,
                          const std::function<void(double share)>& on_share = {});

/// Answer, tables and verdicts of it; where the evidence is too little, what would decide.
ReportData report_of(const PreparedEval& prepared, const RunnerResult& result);

struct EvalOutcome {
  RunnerResult result;
  ReportData report;
};
/// All of that.
EvalOutcome evaluate(
    std::shared_ptr<const Model> model, EvalRequest request, const Says& say = kQuiet,
    const std::function<void(double share)>& on_share = [](double) {});

}  // namespace rw
