// SPDX-License-Identifier: Apache-2.0
#include "ropewalk/eval.h"

#include "core/text_file.h"
#include "evaluation/choose_method.h"
#include "evaluation/evaluate.h"
#include "evaluation/report_for.h"
#include "metrics/metrics.h"
#include "report/report.h"

namespace ropewalk {
namespace {

std::vector<rw::NamedText> texts_of(const std::vector<NamedText>& texts) {
  if (texts.empty())
    throw UsageError("texts", "at least one", "none", "a book or two: methods are judged on the user's own");
  std::vector<rw::NamedText> named;
  named.reserve(texts.size());
  for (const NamedText& text : texts) {
    rw::require_text(text.name, text.text);
    named.push_back({text.name, text.text});
  }
  return named;
}

rw::Says says_of(const Telling& telling) { return telling.say ? rw::Says(telling.say) : rw::kQuiet; }

/// Errors: UsageError.
int at_least(int least, Index number, const char* name) {
  if (number < least || number > (Index{1} << 30))
    throw UsageError(name, fmt::format("{} to 2^30", least), fmt::format("{}", number), "leave it out");
  return static_cast<int>(number);
}

/// Errors: UsageError.
void require_amount(double number, const char* name) {
  if (!(number >= 0 && number <= 1e12))
    throw UsageError(name, "a number from 0 on", fmt::format("{}", number), "leave it out");
}

std::optional<rw::Store> store_of(const std::string& path) {
  return path.empty() ? std::nullopt : std::optional<rw::Store>(path);
}

}  // namespace

Results::Results(std::shared_ptr<const rw::ReportData> inside) : inside_(std::move(inside)) {}
std::size_t Results::size() const { return inside_->records.size(); }
std::string Results::json() const { return rw::json_report(*inside_); }
std::string Results::text() const { return rw::text_report(*inside_); }
std::string Results::markdown() const { return rw::markdown_report(*inside_); }
std::string Results::html() const { return rw::html_report(*inside_); }
std::string Results::csv() const { return rw::csv_report(*inside_); }

Results evaluate(const Model& model, const std::vector<NamedText>& texts, const EvalOptions& options) {
  std::optional<rw::Store> store = store_of(options.store);
  rw::EvalRequest request;
  request.texts = texts_of(texts);
  request.documents = at_least(0, options.n_documents, "n_documents");
  request.plan.tasks = options.tasks, request.plan.methods = options.methods;
  request.plan.lengths = options.lengths;
  request.plan.tail = at_least(0, options.tail, "tail");
  request.plan.n_predict = at_least(1, options.n_predict, "n_predict");
  request.plan.stride = at_least(0, options.stride, "stride");
  request.plan.n_seeds = at_least(1, options.n_questions, "n_questions");
  request.plan.n_depths = at_least(1, options.n_depths, "n_depths");
  for (const Index length : options.lengths)
    if (length < 1 || length > rw::kMostTokens)
      throw UsageError("lengths", "1 to 2^31 tokens", fmt::format("{}", length), "leave them out");
  require_amount(options.margin, "margin"),
      require_amount(options.budget_seconds.value_or(0), "budget_seconds");
  if (options.margin > 0) request.margin = options.margin;
  request.budget_seconds = options.budget_seconds, request.special = options.special;
  request.store = store ? &*store : nullptr, request.model_path = model.path();
  request.call = options.call;
  const std::function<void(double)> share = options.telling.progress;
  rw::EvalOutcome outcome = rw::evaluate(
      model.inside(), std::move(request), says_of(options.telling), share ? share : [](double) {});
  return Results(std::make_shared<const rw::ReportData>(std::move(outcome.report)));
}

Results read_results(const std::vector<std::string>& paths) {
  if (paths.empty())
    throw UsageError("read_results", "a file of results", "none", "evaluate's store writes one");
  rw::StoredResults stored = rw::read_results(paths);
  return Results(
      std::make_shared<const rw::ReportData>(rw::report_for(std::move(stored.records), stored.run)));
}

Tuned tune(const Model& model, const std::vector<NamedText>& texts, const TuneOptions& options) {
  require_amount(options.budget_seconds, "budget_seconds");
  const rw::Goal goals[] = {rw::Goal::kLoss, rw::Goal::kRetrieval, rw::Goal::kBoth};
  const auto* goal = std::find_if(std::begin(goals), std::end(goals),
                                  [&](rw::Goal each) { return rw::name_of(each) == options.goal; });
  if (goal == std::end(goals))
    throw UsageError("goal", "loss, retrieval or both", "'" + options.goal + "'", "loss is the usual one");
  if (const std::string nothing = rw::nothing_to_tune(options.length, model.inside()->config());
      !nothing.empty())
    throw Error("tune", "a length at which methods can be compared", fmt::format("{}", options.length),
                nothing);
  std::optional<rw::Store> store = store_of(options.store);
  const rw::TuneOutcome found =
      rw::choose_method(model.inside(),
                        {.texts = texts_of(texts),
                         .length = options.length,
                         .goal = *goal,
                         .candidates = options.candidates,
                         .documents = at_least(0, options.n_documents, "n_documents"),
                         .tail = at_least(0, options.tail, "tail"),
                         .budget_seconds = options.budget_seconds,
                         .special = options.special,
                         .store = store ? &*store : nullptr,
                         .keep = options.keep,
                         .model_path = model.path(),
                         .on_share = options.telling.progress ? options.telling.progress : [](double) {}},
                        says_of(options.telling));
  if (options.keep) rw::keep_tuned(found, model.path(), says_of(options.telling));
  return {found.bound, rw::dump_json(rw::tuned_json(found, options.keep))};
}

Scores score(const std::vector<std::string>& hypotheses, const std::vector<std::string>& references,
             std::string_view tokenize) {
  if (hypotheses.empty() || hypotheses.size() != references.size())
    throw UsageError("score", "as many hypotheses as references, one at least",
                     fmt::format("{} and {}", hypotheses.size(), references.size()), "pair them");
  const rw::Scores s = rw::score(hypotheses, references, {.tokenize = rw::parse_tokenize(tokenize)});
  return {s.bleu,    s.chrf,       s.chrf_words, s.rouge1,         s.rouge2,
          s.rouge_l, s.rouge_lsum, s.token_f1,   s.edit_similarity};
}

}  // namespace ropewalk
