// SPDX-License-Identifier: Apache-2.0
#include "judge/tune.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/progress.h"

namespace ropewalk {
namespace {

constexpr std::size_t kKeep = 3;    // one of so many goes on to the next round
constexpr std::size_t kFewest = 4;  // candidates, however small the budget
const std::string kRetrievalTask = "passkey";

struct Sums {
  double loss = 0, score = 0;
  int n_losses = 0, n_scores = 0;
};

/// Mean loss and score of each method. One that is not finite is the worst.
std::map<std::string, Sums> sums_of(const std::vector<Record>& records) {
  std::map<std::string, Sums> sums;
  for (const Record& r : records) {
    Sums& s = sums[r.method];
    if (r.score) s.score += *r.score, ++s.n_scores;
    if (r.task == "tail") s.loss += std::isfinite(r.loss) ? r.loss : 1e9, ++s.n_losses;
  }
  return sums;
}

/// Ranks 0, 1, ... by `value`, smallest first; equals share the mean rank.
std::vector<double> ranks(const std::vector<double>& value) {
  std::vector<double> rank(value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    for (std::size_t j = 0; j < value.size(); ++j)
      if (i != j) rank[i] += value[j] < value[i] ? 1 : value[j] == value[i] ? 0.5 : 0;
  return rank;
}

/// Best first. Loss breaks ties of retrieval.
void sort_rows(std::vector<TuneRow>& rows, Goal goal) {
  std::vector<double> loss, score;
  for (const TuneRow& row : rows) loss.push_back(row.loss), score.push_back(-row.score);
  const std::vector<double> by_loss = ranks(loss), by_score = ranks(score);
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < rows.size(); ++i)
    order.emplace_back(goal == Goal::kLoss        ? by_loss[i]
                       : goal == Goal::kRetrieval ? by_score[i] + 1e-3 * by_loss[i]
                                                  : by_loss[i] + by_score[i],
                       i);
  std::stable_sort(order.begin(), order.end());
  std::vector<TuneRow> sorted;
  sorted.reserve(rows.size());
  for (const auto& [key, i] : order) sorted.push_back(rows[i]);
  rows = std::move(sorted);
}

}  // namespace

std::vector<std::string> tune_candidates(const ModelConfig& config, Index length) {
  const Index trained = config.n_ctx_train;
  const double factor = std::max(1.0, static_cast<double>(length) / static_cast<double>(trained));
  const auto f = [&](double times) { return fmt::format("{:.4g}", std::max(1.0, factor * times)); };
  std::vector<std::string> all;  // what usually does best comes first: a small budget tries only that
  for (double times : {1.0, 1.5, 2.0, 0.75}) all.push_back("yarn:factor=" + f(times));
  for (double times : {1.5, 1.0, 2.0}) all.push_back("ntk:factor=" + f(times));
  for (const char* name : {"dca", "mrrope-pro", "adagrope", "dynamic-ntk", "ntk-by-parts", "jet-long"})
    all.emplace_back(name);
  for (Index part : {4, 2, 8})
    for (const char* name : {"leaky-rerope", "self-extend", "rerope"})
      all.push_back(fmt::format("{}:window={}", name, trained / part));
  all.push_back("ntk:factor=" + f(1.5) + "+logn"), all.push_back("yarn:factor=" + f(1) + "+logn");
  all.push_back("yarn:factor=" + f(1) + ",attention_factor=1");
  all.push_back(fmt::format("rerope:window={}+logn", trained / 4));
  all.push_back(
      fmt::format("self-extend:group={},window={}", static_cast<Index>(std::ceil(factor * 2)), trained / 8));
  for (const char* name : {"lambda", "dynamic-yarn", "mrrope-uni", "string", "lampe", "pi"})
    all.emplace_back(name);
  all.push_back(fmt::format("lambda:window={}", trained / 2));
  std::vector<std::string> fitting;
  for (const std::string& text : all) {
    try {
      Method::bind(MethodSpec::parse(text), config.rope_context(0, length));
      fitting.push_back(text);
    } catch (const UsageError&) {  // this model or length does not allow it
    }
  }
  return fitting;
}

std::vector<TuneRow> tune(const Model& model, const Tokenizer& tokenizer,
                          const std::vector<Document>& documents, const TuneOptions& options,
                          const RunInfo& info) {
  RW_CHECK(!options.candidates.empty() && !documents.empty());
  const double start = now_seconds();
  std::vector<std::string> left = options.candidates;
  if (options.budget_seconds > 0) {  // a third of it for the first round
    const double each = cost_of(options.length) * measure_pace(model);
    const auto fitting = static_cast<std::size_t>(options.budget_seconds / 3 / each);
    left.resize(std::min(left.size(), std::max(kFewest, fitting)));
  }
  std::vector<TuneRow> finished, rows;
  std::size_t n = 1;
  for (int round = 1;; ++round) {
    RunnerOptions run{
        .plan = {.tasks = {}, .methods = left, .lengths = {options.length}, .tail = options.tail},
        .store = options.store};
    if (options.goal != Goal::kRetrieval) run.plan.tasks.push_back("tail");
    if (options.goal != Goal::kLoss) run.plan.tasks.push_back(kRetrievalTask);
    run.plan.n_seeds = options.n_questions, run.plan.n_depths = 3;
    const double before = now_seconds();
    const std::vector<Document> used(documents.begin(), documents.begin() + static_cast<std::ptrdiff_t>(n));
    const std::map<std::string, Sums> sums = sums_of(run_all(model, tokenizer, used, run, info).records);
    rows.clear();
    for (const std::string& method : left) {
      const Sums s = sums.at(method);
      rows.push_back({method, round, s.loss / std::max(1, s.n_losses), s.score / std::max(1, s.n_scores), n});
    }
    sort_rows(rows, options.goal);
    const std::size_t keep = std::max<std::size_t>(1, (left.size() + kKeep - 1) / kKeep);
    const double each = (now_seconds() - before) / static_cast<double>(n * left.size());
    if (left.size() <= 1 || (n == documents.size() && left.size() <= kKeep)) break;
    finished.insert(finished.begin(), rows.begin() + static_cast<std::ptrdiff_t>(keep), rows.end());
    left.clear();
    for (std::size_t i = 0; i < keep; ++i) left.push_back(rows[i].method);
    n = std::min(documents.size(), n * 2);
    if (options.budget_seconds <= 0) continue;
    const double rest = options.budget_seconds - (now_seconds() - start);
    const double fitting = rest / (each * static_cast<double>(keep + 2));  // and two baselines
    if (fitting < 1) {
      rows.resize(keep);
      break;
    }
    n = std::min(n, static_cast<std::size_t>(fitting));
  }
  rows.insert(rows.end(), finished.begin(), finished.end());
  return rows;
}

}  // namespace ropewalk
