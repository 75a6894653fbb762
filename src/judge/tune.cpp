// SPDX-License-Identifier: Apache-2.0
#include "judge/tune.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/progress.h"
#include "results/derived.h"

namespace ropewalk {
namespace {

constexpr std::size_t kKeep = 3;    // one of so many goes on to the next round, but two at least
constexpr std::size_t kFewest = 4;  // candidates, however small the budget
constexpr double kChoosing = 0.7;   // of the budget; the rest is for the evaluation

struct Mean {
  double sum = 0;
  Index n = 0;
  void add(double value) { sum += value, ++n; }
  double value() const { return n > 0 ? sum / static_cast<double>(n) : 0; }
};

/// Ranks 0, 1, ... by `value`, smallest first; equals share the mean rank.
std::vector<double> ranks(const std::vector<double>& value) {
  std::vector<double> rank(value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    for (std::size_t j = 0; j < value.size(); ++j)
      if (i != j) rank[i] += value[j] < value[i] ? 1 : value[j] == value[i] ? 0.5 : 0;
  return rank;
}

/// Best first.
void sort_rows(std::vector<TuneRow>& rows, Goal goal) {
  std::vector<double> loss, score;
  for (const TuneRow& row : rows) loss.push_back(row.loss), score.push_back(-row.score.value_or(0));
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

RunnerOptions runner_options(const TuneOptions& options, std::vector<std::string> methods) {
  RunnerOptions run{.plan = {.tasks = {"tail"},
                             .methods = std::move(methods),
                             .lengths = {options.length},
                             .tail = options.tail,
                             .n_seeds = options.n_questions,
                             .n_depths = 3},
                    .store = options.store};
  if (options.goal != Goal::kLoss) run.plan.tasks.emplace_back("passkey");
  return run;
}

/// A choice by what the model cannot do at all would be a choice by chance.
void require_retrieval(const std::vector<Record>& records) {
  Mean own;
  for (const Record& r : records)
    if (r.method == kOwnShort && r.score) own.add(*r.score);
  if (retrieval_reach({0, own.sum, own.n}, {}).can_tell) return;
  throw Error("tune --goal", "a model that finds a key in a short text, a fifth of the time at least",
              fmt::format("{:.0f} of {} found", own.sum, own.n), "use --goal loss");
}

/// One run of successive halving.
class Halving {
 public:
  Halving(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
          const TuneOptions& options, const RunInfo& info)
      : model_(model), tokenizer_(tokenizer), documents_(documents), options_(options), info_(info) {}

  std::vector<TuneRow> run() {
    std::vector<std::string> left = options_.candidates;
    if (limited()) {
      pace_ = measure_pace(model_);
      while (left.size() > kFewest && seconds_for(left, 1) > options_.budget_seconds / 3) left.pop_back();
    }
    std::vector<TuneRow> finished;
    for (std::size_t n = 1;; ++round_) {
      measure(left, n);
      std::vector<TuneRow> rows = rows_of(left);
      sort_rows(rows, options_.goal);
      const std::size_t keep =
          std::min(left.size(), std::max<std::size_t>(2, (left.size() + kKeep - 1) / kKeep));
      left.clear();
      for (std::size_t i = 0; i < keep; ++i) left.push_back(rows[i].method);
      n = next(left);
      if (left.size() < 2 || n == n_done_) {
        rows.insert(rows.end(), finished.begin(), finished.end());
        return rows;
      }
      finished.insert(finished.begin(), rows.begin() + static_cast<std::ptrdiff_t>(keep), rows.end());
    }
  }

 private:
  bool limited() const { return options_.budget_seconds > 0; }
  std::vector<Document> fresh(std::size_t n) const {
    return {documents_.begin() + static_cast<std::ptrdiff_t>(n_done_),
            documents_.begin() + static_cast<std::ptrdiff_t>(n)};
  }

  /// Of the work that is left to have n documents in all; what the store has costs nothing.
  double cost_left(const std::vector<std::string>& methods, std::size_t n) const {
    double cost = 0;
    for (const Item& item :
         plan_items(model_, tokenizer_, fresh(n), runner_options(options_, methods).plan, info_).items)
      if (!options_.store || !item_known(item, *options_.store)) cost += item.cost;
    return cost;
  }
  double seconds_for(const std::vector<std::string>& methods, std::size_t n) const {
    return cost_left(methods, n) * pace_;
  }

  /// Documents of the next round: twice as many, or as many of those as the time allows.
  std::size_t next(const std::vector<std::string>& methods) const {
    std::size_t n = std::min(documents_.size(), 2 * n_done_);
    const double rest = kChoosing * options_.budget_seconds - (now_seconds() - start_);
    while (limited() && n > n_done_ && seconds_for(methods, n) > rest) --n;
    return n;
  }

  void measure(const std::vector<std::string>& methods, std::size_t n) {
    const double cost = limited() ? cost_left(methods, n) : 0, before = now_seconds();
    const RunnerResult result =
        run_all(model_, tokenizer_, fresh(n), runner_options(options_, methods), info_);
    if (cost > 0) pace_ = (now_seconds() - before) / cost;
    if (round_ == 1 && options_.goal != Goal::kLoss) require_retrieval(result.records);
    for (const Record& r : result.records) {
      if (r.score) scores_[r.method].add(*r.score);
      if (r.task == "tail") losses_[r.method].add(std::isfinite(r.loss) ? r.loss : 1e9);
    }
    n_done_ = n;
  }

  std::vector<TuneRow> rows_of(const std::vector<std::string>& methods) const {
    std::vector<TuneRow> rows;
    rows.reserve(methods.size());
    for (const std::string& method : methods) {
      TuneRow& row = rows.emplace_back(TuneRow{.method = method, .round = round_, .score = {}});
      row.loss = losses_.at(method).value(), row.n_documents = n_done_;
      if (options_.goal != Goal::kLoss) row.score = scores_.at(method).value();
    }
    return rows;
  }

  const Model& model_;
  const Tokenizer& tokenizer_;
  const std::vector<Document>& documents_;
  const TuneOptions& options_;
  const RunInfo& info_;
  const double start_ = now_seconds();
  double pace_ = 0;  // seconds for a unit of cost
  int round_ = 1;
  std::size_t n_done_ = 0;                       // documents
  std::map<std::string, Mean> losses_, scores_;  // by method, of all rounds
};

}  // namespace

std::vector<TuneRow> tune(const Model& model, const Tokenizer& tokenizer,
                          const std::vector<Document>& documents, const TuneOptions& options,
                          const RunInfo& info) {
  RW_CHECK(!options.candidates.empty() && !documents.empty());
  return Halving(model, tokenizer, documents, options, info).run();
}

RunnerResult evaluate_winner(const Model& model, const Tokenizer& tokenizer,
                             const std::vector<Document>& documents, const std::string& winner,
                             const TuneOptions& options, double seconds_left, const RunInfo& info) {
  RunnerOptions run = runner_options(options, {winner, "yarn"});
  run.budget_seconds = seconds_left;
  return run_all(model, tokenizer, documents, run, info);
}

Margin margin(const std::vector<Record>& records, Index length, const std::string& a, const std::string& b) {
  const auto difference = [&](const auto& value_of) {
    std::map<std::string, std::pair<Mean, Mean>> by_document;
    for (const Record& r : records) {
      const std::optional<double> value = value_of(r);
      if (!value || r.length != length) continue;
      if (r.method == a) by_document[r.document].first.add(*value);
      if (r.method == b) by_document[r.document].second.add(*value);
    }
    std::vector<double> differences;
    for (const auto& [document, pair] : by_document)
      if (pair.first.n > 0 && pair.second.n > 0)
        differences.push_back(pair.first.value() - pair.second.value());
    return differences.empty() ? Interval{} : interval(differences);
  };
  return {difference([](const Record& r) {
            return r.task == "tail" ? std::optional<double>(r.loss) : std::nullopt;
          }),
          difference([](const Record& r) { return r.score; })};
}

}  // namespace ropewalk
