// SPDX-License-Identifier: Apache-2.0
#include "results/continuation_summary.h"

#include <algorithm>
#include <map>

#include "metrics/metrics.h"

namespace ropewalk {
namespace {

/// What people look at first; a file of results has its values in the order of the alphabet.
constexpr std::string_view kFirst[] = {"loss",   "top1",     "bleu",         "chrf",
                                       "rougeL", "token_f1", "exact_prefix", "repetition"};
static_assert(std::size(kFirst) == kMainMetrics);

using ByDocument = std::map<std::string, const Record*>;

bool is_of_corpus(const std::string& metric) { return metric == "bleu" || metric == "chrf"; }

/// As in `score`, but with the words of each text's own script. `without`: one that does not count.
double corpus_score(const std::string& metric, const std::vector<const Record*>& records,
                    std::size_t without) {
  BleuCounts bleu;
  ChrfCounts chrf;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i == without) continue;
    const Record& r = *records[i];
    bleu.add(r.written, r.expected, choose_tokenize(std::span(&r.expected, 1)));
    chrf.add(r.written, r.expected);
  }
  return metric == "bleu" ? bleu.score() : chrf.score(false);
}

double value_of(const Record& record, const std::string& metric) {
  if (metric == "loss") return record.loss;
  for (const auto& [name, value] : record.values)
    if (name == metric) return value;
  return 0;
}

Interval over(const std::string& metric, const std::vector<const Record*>& records) {
  if (is_of_corpus(metric))
    return jackknife_interval(records.size(),
                              [&](std::size_t k) { return corpus_score(metric, records, k); });
  std::vector<double> values;
  values.reserve(records.size());
  for (const Record* r : records) values.push_back(value_of(*r, metric));
  return interval(values);
}

std::optional<Interval> versus(const std::string& metric, const ByDocument& own, const ByDocument& base) {
  std::vector<const Record*> mine, theirs;
  for (const auto& [document, record] : own)
    if (const auto other = base.find(document); other != base.end())
      mine.push_back(record), theirs.push_back(other->second);
  if (mine.empty()) return std::nullopt;
  if (is_of_corpus(metric))
    return jackknife_interval(mine.size(), [&](std::size_t k) {
      return corpus_score(metric, mine, k) - corpus_score(metric, theirs, k);
    });
  std::vector<double> differences;
  differences.reserve(mine.size());
  for (std::size_t i = 0; i < mine.size(); ++i)
    differences.push_back(value_of(*mine[i], metric) - value_of(*theirs[i], metric));
  return interval(differences);
}

}  // namespace

std::vector<ContinuationCell> summarise_continuation(const std::vector<Record>& records) {
  std::map<Index, std::map<std::string, ByDocument>> all;  // length, method
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
      const ByDocument& own = by_method[method];
      if (own.empty()) continue;
      std::vector<const Record*> list;
      list.reserve(own.size());
      for (const auto& [document, record] : own) list.push_back(record);
      std::vector<std::string> names(std::begin(kFirst), std::end(kFirst));
      for (const auto& [name, value] : list[0]->values)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      ContinuationCell& cell = cells.emplace_back();
      cell.method = method, cell.length = length;
      for (const std::string& name : names)
        cell.metrics.push_back(
            {name, over(name, list),
             method == kTruncated ? std::nullopt : versus(name, own, by_method[kTruncated])});
    }
  }
  return cells;
}

}  // namespace ropewalk
