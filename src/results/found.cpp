// SPDX-License-Identifier: Apache-2.0
#include "results/found.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/error.h"

namespace rw {
namespace {

/// Document, task with its part, depth, seed.
using Question = std::tuple<std::string, std::string, double, int>;
using Answers = std::map<Question, double>;

Found compare(const std::string& method, const Answers& own, const Answers& truncated, const Units& units,
              std::vector<double>& differences) {
  Found found{.method = method, .own = {}, .truncated = {}, .difference = {}};
  ByDocument a, b;
  for (const auto& [question, score] : own)
    if (const auto other = truncated.find(question); other != truncated.end()) {
      found.own.sum += score, ++found.own.n;
      found.truncated.sum += other->second, ++found.truncated.n;
      a[std::get<0>(question)].push_back(score), b[std::get<0>(question)].push_back(other->second);
    }
  differences = paired_difference(a, b, units);
  if (!differences.empty()) found.difference = t_interval(differences);
  // Where every unit gave the same, the spread is unknown, not nought.
  if (!(found.difference.deviation > 0)) found.difference.low = found.difference.high = std::nullopt;
  return found;
}

}  // namespace

FoundAt found_at(const ReportData& data) {
  const std::map<std::string, Score> failed = cannot_tell(data);
  FoundAt result;
  for (const Record& r : data.records)
    if (r.score && r.method == kTruncated && !failed.contains(retrieval_name(r)))
      result.length = std::max(result.length, r.length);
  std::map<std::string, Answers> answers;  // by method
  for (const Record& r : data.records)
    if (r.score && std::isfinite(*r.score) && r.length == result.length &&
        !failed.contains(retrieval_name(r)))
      answers[r.method][{r.document, retrieval_name(r), r.depth.value_or(-1), r.seed}] = *r.score;
  if (result.length == 0 || answers[kTruncated].empty()) return {};
  std::vector<double> p;
  std::vector<std::size_t> tested;
  for (const std::string& method : methods_of(data)) {
    if (is_baseline(method) || !answers.contains(method)) continue;
    std::vector<double> differences;
    Found found = compare(method, answers[method], answers[kTruncated], data.units, differences);
    if (found.own.n == 0) continue;
    if (differences.size() >= kEnoughUnits)
      tested.push_back(result.methods.size()), p.push_back(p_sign_flip(differences));
    result.methods.push_back(std::move(found));
  }
  p = holm(p);
  for (std::size_t t = 0; t < tested.size(); ++t) result.methods[tested[t]].p = p[t];
  return result;
}

std::vector<RetrievalRow> retrieval_rows(const ReportData& data) {
  std::map<std::pair<std::string, Index>, std::map<std::string, ByDocument>> all;
  for (const Record& r : data.records)
    if (r.score && std::isfinite(*r.score))
      all[{retrieval_name(r), r.length}][r.method][r.document].push_back(*r.score);
  std::vector<RetrievalRow> rows;
  for (const auto& [key, by_method] : all) {
    const auto truncated = by_method.find(kTruncated);
    for (const std::string& method : methods_of(data)) {
      const auto own = by_method.find(method);
      if (own == by_method.end()) continue;
      RetrievalRow& row = rows.emplace_back(RetrievalRow{key.first, key.second, method, {}, {}});
      for (const auto& [document, list] : own->second)
        for (const double score : list) row.score.sum += score, ++row.score.n;
      if (truncated == by_method.end() || is_baseline(method)) continue;
      if (const auto d = paired_difference(own->second, truncated->second, data.units); !d.empty())
        row.difference = interval(d);
    }
  }
  return rows;
}

std::string points_text(const Interval& d) {
  if (!d.low || !(d.deviation > 0)) return fmt::format("{:+.0f}", 100 * d.mean);
  return fmt::format("{:+.0f} ({:+.0f} to {:+.0f})", 100 * d.mean, std::max(-100.0, 100 * *d.low),
                     std::min(100.0, 100 * *d.high));
}

}  // namespace rw
