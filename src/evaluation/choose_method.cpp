// SPDX-License-Identifier: Apache-2.0
#include "evaluation/choose_method.h"

#include <algorithm>

#include "core/error.h"
#include "core/option.h"
#include "core/progress.h"
#include "core/text.h"
#include "evaluation/run_info.h"
#include "evaluation/to_decide.h"
#include "results/verdict.h"

namespace rw {
namespace {

/// Every second stretch is tuned on; the others are for the evaluation (Judged::kEverySecond). With one
/// stretch there is no honest answer.
struct Split {
  std::vector<Document> tuning, evaluation;
};

Split split(const std::vector<Document>& all) {
  if (all.size() < 2)
    throw Error("tune", "text for two documents or more: one to choose on, one to judge on", "text for one",
                "give more " + option("texts", "--text") + ", or a shorter " + option("length"));
  Split split;
  for (std::size_t i = 0; i < all.size(); ++i)
    (i % 2 == 0 ? split.tuning : split.evaluation).push_back(all[i]);
  return split;
}

/// The command that would show something, or what is missing for one; nothing where stretches are not what
/// is missing.
std::optional<NextStep> what_would_show(const TuneConclusion& conclusion, const TokenTexts& texts,
                                        const TuneRequest& request) {
  if (conclusion.finding != TuneFinding::kTooFew) return std::nullopt;
  const std::size_t enough = conclusion.n_needed;
  if (const int n = stretches_to_decide(texts, request.length, Judged::kEverySecond, enough, enough); n > 0)
    return request.command
               ? NextStep{"To decide:", request.command(request, n, false)}
               : NextStep{fmt::format("To decide, take {} of each text.", counted(n, "stretch")), ""};
  return NextStep{"To decide, give " + text_to_decide(texts, request.length, 2 * enough) +
                      " (half of the stretches are to choose on); or a shorter " + option("length") + ".",
                  ""};
}

/// What of the budget is left; a limit stays a limit when it is used up.
double left_of(double budget, double start) {
  return budget > 0 ? std::max(1e-3, budget - (now_seconds() - start)) : 0;
}

void say_plan(const TunePlan& plan, const Split& documents, const Says& say) {
  const std::string left_out =
      plan.n_left_out > 0 ? fmt::format(" ({} more are left out for the budget)", plan.n_left_out) : "";
  say(fmt::format("{}{}", counted(plan.n_begin, "candidate"), left_out));
  say(fmt::format("{} to choose on, {} to judge on; about {}", counted(documents.tuning.size(), "stretch"),
                  documents.evaluation.size(), time_text(plan.seconds)));
  if (documents.evaluation.size() < static_cast<std::size_t>(kEnoughUnits))
    say(
        fmt::format("fewer than {} to judge on: whatever is found, nothing will be stored; give more text or "
                    "{}, or a shorter {}",
                    kEnoughUnits, option("n_documents", "--documents"), option("length")));
}

TuneOptions tune_options(const ModelConfig& config, const RunInfo& info, const TuneRequest& request,
                         const Split& documents, double start, const Says& say) {
  return {.length = request.length,
          .tail = request.tail,
          .goal = request.goal,
          .candidates = request.candidates.empty()
                            ? tune_candidates(config, request.length, find_measured_heads(info.model_id))
                            : request.candidates,
          .n_to_judge = documents.evaluation.size(),
          .budget_seconds = left_of(request.budget_seconds, start),
          .store = request.store,
          .coordinator = request.coordinator,
          .planned = [&documents, &say](const TunePlan& plan) { say_plan(plan, documents, say); },
          .on_share = request.on_share};
}

/// Chooses, and judges what won; where the reference is no number, there is nothing to judge by.
void choose_and_judge(const Model& model, const Split& documents, const TuneOptions& tuning, double budget,
                      double start, const Says& say, TuneOutcome& outcome) {
  outcome.result = tune(model, model.tokenizer(), documents.tuning, tuning, outcome.info);
  outcome.conclusion = no_reference();
  if (!outcome.result.has_reference()) return;
  const std::string winner = outcome.result.winner();
  say("judging " + winner);
  const std::vector<Record> records = evaluate_winner(model, model.tokenizer(), documents.evaluation, winner,
                                                      tuning, left_of(budget, start), outcome.info)
                                          .records;
  outcome.margins = margins(records, tuning.length, winner);
  outcome.conclusion = conclude(records, tuning.length, winner, tuning.goal, outcome.info.n_vocab);
  if (outcome.conclusion.method.empty()) return;
  const ModelConfig& config = model.config();
  const RopeContext context = config.rope_context(config.acting_layer(), tuning.length);
  outcome.bound = Method::bind(MethodSpec::parse(outcome.conclusion.method), context).text();
  outcome.peers = peer_settings(MethodSpec::parse(outcome.bound), context, config.architecture);
}

}  // namespace

std::string nothing_to_tune(Index length, const ModelConfig& config) {
  const Index trained = config.n_ctx_train;
  if (length <= trained)
    return fmt::format("{} tokens fit in the {} that the model was trained on: plain RoPE", length, trained);
  return config.n_acting_layers() == 0 ? no_acting_layers(config) : "";
}

TuneOutcome choose_method(const std::shared_ptr<const Model>& model, TuneRequest request, const Says& say) {
  const double start = now_seconds();
  const ModelConfig& config = model->config();
  if (request.texts.empty()) throw UsageError(option("texts", "--text"), "a text", "none");
  for (const std::string& spec : request.candidates) MethodSpec::parse(spec);
  if (request.tail == 0) request.tail = usual_tail(config.n_ctx_train, request.length);
  require_tail(request.tail, config.n_ctx_train, request.length);
  if (const std::string line = acting_layers_line(config); !line.empty()) say(line);
  TuneOutcome outcome;
  outcome.length = request.length, outcome.goal = request.goal;
  RunInfo& info = outcome.info;
  info = run_info(*model, request.model_path);
  if (request.keep) check_tuned_file(request.model_path, info.model_id, say);
  const TokenTexts tokens = tokenize_texts(model->tokenizer(), request.texts, request.special, say);
  const int n_stretches = request.documents > 0 ? request.documents : kMostStretches;
  const Split documents = split(cut_stretches(tokens, request.length, n_stretches, request.tail, say));
  outcome.n_to_choose_on = documents.tuning.size(), outcome.n_to_judge_on = documents.evaluation.size();
  if (request.candidates.empty()) outcome.unmeasured = why_unmeasured(info.model_id);
  if (!outcome.unmeasured.empty()) say(outcome.unmeasured);
  if (request.command) info.command = request.command(request, request.documents, true);
  info.tail = request.tail, info.margin = kStabilityMargin, info.special = request.special;
  if (request.store) {
    request.store->require_alike(info, true);
    for (const std::vector<Document>* part : {&documents.tuning, &documents.evaluation})
      request.store->require_texts(texts_by_name(*part));
  }
  const TuneOptions tuning = tune_options(config, info, request, documents, start, say);
  choose_and_judge(*model, documents, tuning, request.budget_seconds, start, say, outcome);
  outcome.next = what_would_show(outcome.conclusion, tokens, request);
  return outcome;
}

}  // namespace rw
