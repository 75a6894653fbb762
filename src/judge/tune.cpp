// SPDX-License-Identifier: Apache-2.0
#include "judge/tune.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/error.h"
#include "core/option.h"
#include "core/progress.h"
#include "core/text.h"
#include "results/derived.h"

namespace rw {
namespace {

constexpr std::size_t kKeep = 3;              // one of so many goes on to the next round, but two at least
constexpr std::size_t kFewestCandidates = 4;  // candidates, however small the budget
constexpr double kChoosing = 0.7;             // of the budget; the rest is for the evaluation

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

/// Best first; equals stay as they are.
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

/// `bound`: kept from plan to plan.
RunnerOptions runner_options(const TuneOptions& options, std::vector<std::string> methods,
                             BoundMethods* bound = nullptr) {
  RunnerOptions run{.plan = {.tasks = {"tail"},
                             .methods = std::move(methods),
                             .lengths = {options.length},
                             .tail = options.tail,
                             .n_seeds = options.n_questions,
                             .n_depths = 3,
                             .methods_bound = bound},
                    .store = options.store,
                    .coordinator = options.coordinator,
                    .on_share = options.on_share};
  if (options.goal != Goal::kLoss) run.plan.tasks.emplace_back("passkey");
  return run;
}

/// A choice by what the model cannot do at all would be a choice by chance.
void require_retrieval(const std::vector<Record>& records) {
  Mean own;
  for (const Record& r : records)
    if (r.method == kOwnShort && r.score) own.add(*r.score);
  if (retrieval_reach({0, own.sum, own.n}, {}).can_tell) return;
  throw Error(option("goal", "tune --goal"),
              "a model that finds a key in a short text, a fifth of the time at least",
              fmt::format("{:.0f} of {} found", own.sum, own.n), "use " + option("goal") + " loss");
}

/// What the work costs, planned once: items of all candidates on all documents.
class Costs {
 public:
  Costs(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
        const TuneOptions& options, const RunInfo& info, BoundMethods& bound)
      : items_(plan_items(model, tokenizer, documents,
                          runner_options(options, options.candidates, &bound).plan, info)
                   .items),
        store_(options.store),
        length_(options.length) {}

  /// Of `methods` and the baselines on documents [begin, end), less what the store has.
  double left(const std::vector<std::string>& methods, std::size_t begin, std::size_t end) const {
    return cost(methods, begin, end, store_);
  }

  /// Of judging a winner beside YaRN on one document: two methods that are not plain RoPE.
  double judging() const {
    const double baselines = cost({}, 0, 1, nullptr);
    double dearest = 0;
    for (const Item& item : items_)
      if (item.document == 0) dearest = std::max(dearest, cost({item.method}, 0, 1, nullptr) - baselines);
    return baselines + 2 * dearest;
  }

  /// For each method the one whose plan it shares, where that is another: plain RoPE, or the first.
  std::map<std::string, std::string> same_as() const {
    std::map<std::string, std::string> all;
    for (const Item& item : items_) {
      if (item.document != 0 || item.task != "tail" || item.length != length_) continue;
      for (const Served& served : item.serves)
        if (served.label != item.method) all[served.label] = item.method;
    }
    return all;
  }

 private:
  double cost(const std::vector<std::string>& methods, std::size_t begin, std::size_t end,
              const Store* store) const {
    std::set<std::string> wanted(methods.begin(), methods.end());
    wanted.insert({kPlain, kTruncated, kShort, kOwnShort});
    double sum = 0;
    for (const Item& item : items_)
      if (item.document >= begin && item.document < end && !(store && item_known(item, *store)) &&
          std::any_of(item.serves.begin(), item.serves.end(),
                      [&](const Served& served) { return wanted.contains(served.label); }))
        sum += item.cost;
    return sum;
  }

  const std::vector<Item> items_;
  const Store* const store_;
  const Index length_;
};

std::size_t kept_of(std::size_t n) { return std::min(n, std::max<std::size_t>(2, (n + kKeep - 1) / kKeep)); }

/// One run of successive halving.
class Halving {
 public:
  Halving(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
          const TuneOptions& options, const RunInfo& info)
      : model_(model),
        tokenizer_(tokenizer),
        documents_(documents),
        options_(options),
        info_(info),
        bound_(model),
        costs_(model, tokenizer, documents, options, info, bound_),
        same_as_(costs_.same_as()) {}

  TuneResult run() {
    std::vector<std::string> left;  // plain RoPE runs in each round anyway, and is never left out
    for (const std::string& method : options_.candidates)
      if (method != kPlain) left.push_back(method);
    TuneResult result{.plan = begin(left)};
    if (options_.planned) options_.planned(result.plan);
    std::vector<TuneRow> finished;
    for (std::size_t n = 1;; ++round_) {
      measure(left, n);
      std::vector<TuneRow> rows = rows_of(left);
      sort_rows(rows, options_.goal);
      const std::vector<std::string> before = left;
      left.clear();
      for (const TuneRow& row : rows)
        if (is_candidate(row) && left.size() < kept_of(before.size())) left.push_back(row.method);
      n = next(left);
      if (left.size() < 2 || n == n_done_ || !std::isfinite(losses_.at(kTruncated).value())) {
        result.rows = std::move(rows);
        result.rows.insert(result.rows.end(), finished.begin(), finished.end());
        return result;
      }
      std::vector<TuneRow> out;
      for (const TuneRow& row : rows)
        if (is_candidate(row) && std::find(left.begin(), left.end(), row.method) == left.end())
          out.push_back(row);
      finished.insert(finished.begin(), out.begin(), out.end());
    }
  }

 private:
  bool limited() const { return options_.budget_seconds > 0; }
  static bool is_candidate(const TuneRow& row) { return row.method != kPlain && row.method != kTruncated; }
  std::vector<Document> fresh(std::size_t n) const {
    return {documents_.begin() + static_cast<std::ptrdiff_t>(n_done_),
            documents_.begin() + static_cast<std::ptrdiff_t>(n)};
  }

  /// Drops candidates that the budget has no time for, last ones first.
  TunePlan begin(std::vector<std::string>& left) {
    TunePlan plan{.n_begin = left.size()};
    if (!limited() && !options_.planned) return plan;
    pace_ = pace_on(model_, options_.coordinator);
    judging_ = options_.n_to_judge > 0 ? pace_ * costs_.judging() : 0;
    if (limited()) {
      while (left.size() > kFewestCandidates && pace_ * costs_.left(left, 0, 1) > options_.budget_seconds / 3)
        left.pop_back();
      if (const double least = pace_ * costs_.left(left, 0, 1) + judging_; least > options_.budget_seconds)
        throw Error(option("budget_seconds", "tune --budget"),
                    fmt::format("{} at least: {} on one document, and one document to judge on",
                                time_text(std::ceil(least)), counted(left.size(), "candidate")),
                    time_text(options_.budget_seconds) + " left of it",
                    "give it more time, a shorter " + option("length") + " or fewer " + option("candidates"));
    }
    plan.n_begin = left.size(), plan.n_left_out = n_candidates(options_.candidates) - left.size();
    plan.seconds = seconds_of(left) + judging_ * static_cast<double>(options_.n_to_judge);
    if (limited()) plan.seconds = std::min(plan.seconds, options_.budget_seconds);
    return plan;
  }

  static std::size_t n_candidates(const std::vector<std::string>& all) {
    return all.size() - static_cast<std::size_t>(std::count(all.begin(), all.end(), kPlain));
  }

  /// Of all rounds, with the first candidates for those that will be kept.
  double seconds_of(std::vector<std::string> left) const {
    double cost = 0;
    for (std::size_t done = 0, n = 1; n > done; done = n, n = std::min(documents_.size(), 2 * n)) {
      cost += costs_.left(left, done, n);
      left.resize(kept_of(left.size()));
    }
    return cost * pace_;
  }

  /// Documents of the next round: twice as many, or as many of those as the time allows.
  std::size_t next(const std::vector<std::string>& methods) const {
    std::size_t n = std::min(documents_.size(), 2 * n_done_);
    if (!limited()) return n;
    const double rest = std::min(kChoosing * options_.budget_seconds, options_.budget_seconds - judging_) -
                        (now_seconds() - start_);
    while (n > n_done_ && pace_ * costs_.left(methods, n_done_, n) > rest) --n;
    return n;
  }

  void measure(const std::vector<std::string>& methods, std::size_t n) {
    const double cost = limited() ? costs_.left(methods, n_done_, n) : 0, before = now_seconds();
    const RunnerResult result =
        run_all(model_, tokenizer_, fresh(n), runner_options(options_, methods, &bound_), info_);
    if (cost > 0) pace_ = (now_seconds() - before) / cost;
    if (round_ == 1 && options_.goal != Goal::kLoss) require_retrieval(result.records);
    for (const Record& r : result.records) {
      if (r.length != options_.length) continue;  // a baseline's short text
      if (r.score) scores_[r.method].add(*r.score);
      if (gives_verdicts(r.task))
        losses_[r.method].add(std::isfinite(r.loss) ? r.loss : std::numeric_limits<double>::infinity());
    }
    n_done_ = n;
  }

  /// Plain RoPE and truncation first, so that ties are theirs.
  std::vector<TuneRow> rows_of(const std::vector<std::string>& methods) const {
    std::vector<std::string> all{kPlain, kTruncated};
    all.insert(all.end(), methods.begin(), methods.end());
    std::vector<TuneRow> rows;
    rows.reserve(all.size());
    for (const std::string& method : all) {
      TuneRow& row = rows.emplace_back(TuneRow{.method = method, .round = round_, .score = {}});
      row.loss = losses_.at(method).value(), row.n_documents = n_done_;
      if (options_.goal != Goal::kLoss) row.score = scores_.at(method).value();
      if (const auto same = same_as_.find(method); same != same_as_.end()) row.same_as = same->second;
    }
    return rows;
  }

  const Model& model_;
  const Tokenizer& tokenizer_;
  const std::vector<Document>& documents_;
  const TuneOptions& options_;
  const RunInfo& info_;
  BoundMethods bound_;
  const Costs costs_;
  const std::map<std::string, std::string> same_as_;
  const double start_ = now_seconds();
  double pace_ = 0, judging_ = 0;  // seconds for a unit of cost; of judging one document
  int round_ = 1;
  std::size_t n_done_ = 0;                       // documents
  std::map<std::string, Mean> losses_, scores_;  // by method, of all rounds
};

}  // namespace

const std::string& TuneResult::winner() const {
  const auto best =
      std::find_if(rows.begin(), rows.end(), [](const TuneRow& row) { return row.method != kTruncated; });
  RW_CHECK(best != rows.end());
  return best->method;
}

bool TuneResult::has_reference() const {
  return std::none_of(rows.begin(), rows.end(), [](const TuneRow& row) {
    return row.method == kTruncated && !std::isfinite(row.loss);
  });
}

TuneResult tune(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                const TuneOptions& options, const RunInfo& info) {
  RW_CHECK(!options.candidates.empty() && !documents.empty());
  RW_CHECK(options.length > model.config().n_ctx_train);
  return Halving(model, tokenizer, documents, options, info).run();
}

RunnerResult evaluate_winner(const Model& model, const Tokenizer& tokenizer,
                             const std::vector<Document>& documents, const std::string& winner,
                             const TuneOptions& options, double seconds_left, const RunInfo& info) {
  RunnerOptions run = runner_options(options, {winner, "yarn"});
  run.budget_seconds = seconds_left;
  return run_all(model, tokenizer, documents, run, info);
}

}  // namespace rw
