// SPDX-License-Identifier: Apache-2.0
#include "results/continuation_summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "metrics/metrics.h"

namespace rw {
namespace {

/// What people look at first; a file of results has its values in the order of the alphabet.
constexpr std::string_view kFirst[] = {"loss",   "top1",     "bleu",         "chrf",
                                       "rougeL", "token_f1", "exact_prefix", "repetition"};
static_assert(std::size(kFirst) == kMainMetrics);

using Written = std::map<std::string, const Record*>;               // by document
using Grouped = std::map<std::string, std::vector<const Record*>>;  // by unit

bool is_of_corpus(const std::string& metric) { return metric == "bleu" || metric == "chrf"; }

/// As in `score`, but with the words of each text's own script. `without`: a unit that does not count.
double corpus_score(const std::string& metric, const Grouped& units, std::size_t without) {
  BleuCounts bleu;
  ChrfCounts chrf;
  std::size_t i = 0;
  for (const auto& [unit, records] : units) {
    if (i++ == without) continue;
    for (const Record* r : records) {
      bleu.add(r->written, r->expected, choose_tokenize(std::span(&r->expected, 1)));
      chrf.add(r->written, r->expected);
    }
  }
  return metric == "bleu" ? bleu.score() : chrf.score(false);
}

/// None: the metric sees no word of the true text, or an engine that tells no losses was asked.
std::optional<double> metric_of(const Record& record, const std::string& metric) {
  if (metric == "loss") return record.n_targets > 0 ? std::optional(record.loss) : std::nullopt;
  const std::span<const std::string> truth(&record.expected, 1);
  if (metric.starts_with("rouge") && score(truth, truth).rouge_blind) return std::nullopt;
  return value_of(record, metric);
}

ByDocument values_of(const std::string& metric, const Written& records) {
  ByDocument values;
  for (const auto& [document, record] : records)
    if (const std::optional<double> value = metric_of(*record, metric)) values[document] = {*value};
  return values;
}

Grouped grouped(const Written& records, const Units& units) {
  Grouped by_unit;
  for (const auto& [document, record] : records) by_unit[units.of(document)].push_back(record);
  return by_unit;
}

Interval interval_of(const std::vector<double>& values) {
  if (!values.empty()) return interval(values);
  return {.mean = std::nan(""), .low = {}, .high = {}};
}

Interval over(const std::string& metric, const Written& records, const Units& units) {
  if (!is_of_corpus(metric)) return interval_of(unit_means(values_of(metric, records), units));
  const Grouped by_unit = grouped(records, units);
  return jackknife_interval(by_unit.size(), [&](std::size_t k) { return corpus_score(metric, by_unit, k); });
}

std::optional<Interval> versus(const std::string& metric, const Written& own, const Written& base,
                               const Units& units) {
  Written mine, theirs;
  for (const auto& [document, record] : own)
    if (const auto other = base.find(document); other != base.end())
      mine[document] = record, theirs[document] = other->second;
  if (mine.empty()) return std::nullopt;
  if (!is_of_corpus(metric))
    return interval_of(paired_difference(values_of(metric, mine), values_of(metric, theirs), units));
  const Grouped a = grouped(mine, units), b = grouped(theirs, units);
  return jackknife_interval(
      a.size(), [&](std::size_t k) { return corpus_score(metric, a, k) - corpus_score(metric, b, k); });
}

}  // namespace

std::vector<ContinuationCell> summarise_continuation(const std::vector<Record>& records, const Units& units) {
  std::map<Index, std::map<std::string, Written>> all;  // length, method
  std::vector<std::string> methods;
  for (const Record& r : records) {
    if (r.task != "continuation") continue;
    all[r.length][r.method][r.document] = &r;
    if (std::find(methods.begin(), methods.end(), r.method) == methods.end()) methods.push_back(r.method);
  }
  std::vector<ContinuationCell> cells;
  for (auto& [length, by_method] : all) {
    if (by_method.size() == 1 && by_method.begin()->first == kTruncated)
      continue;  // nothing to compare with it
    for (const std::string& method : methods) {
      const Written& own = by_method[method];
      if (own.empty()) continue;
      std::vector<std::string> names(std::begin(kFirst), std::end(kFirst));
      for (const auto& [name, value] : own.begin()->second->values)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      ContinuationCell& cell = cells.emplace_back();
      cell.method = method, cell.length = length;
      for (const std::string& name : names)
        cell.metrics.push_back(
            {name, over(name, own, units),
             method == kTruncated ? std::nullopt : versus(name, own, by_method[kTruncated], units)});
    }
  }
  return cells;
}

}  // namespace rw
