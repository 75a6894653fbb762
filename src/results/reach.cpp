// SPDX-License-Identifier: Apache-2.0
#include "results/reach.h"

#include <algorithm>
#include <cmath>

namespace rw {
namespace {

void add_stability(Reach& reach, const ReportData& data) {
  std::vector<JudgedLength> judged;
  for (const SummaryCell& c : data.cells)
    if (c.method == reach.method) judged.push_back({c.length, c.verdict});
  reach.breaks_at = breaks_at(judged);
  reach.holds_to = holds_to(judged);
  reach.stable = reach.holds_to.has_value();
  for (const JudgedLength& at : judged) {
    const std::string& word = at.verdict.word;
    reach.judged = reach.judged || (at.verdict.judged() && at.length > data.run.n_ctx_train);
    if (at.length <= reach.holds_to.value_or(0) && at.verdict.judged())
      reach.stable = reach.stable && (word == "stable" || word == "equal");
  }
}

/// The least of what its tasks reach: "retrieves to 16k" holds for each of them.
void add_retrieval(Reach& reach, const ReportData& data) {
  for (const auto& [task, methods] : retrieval_scores(data)) {
    const auto own = methods.find(reach.method);
    if (own == methods.end()) continue;
    const Score reference = own_short_score(methods, data.run.n_ctx_train);
    if (reference.n == 0) continue;
    std::vector<RetrievalScore> scores;
    for (const auto& [length, score] : own->second) scores.push_back({length, score.sum, score.n});
    const RetrievalReach reached = retrieval_reach({0, reference.sum, reference.n}, scores);
    if (!reached.can_tell) {
      reach.cannot_tell = true;
      continue;
    }
    const bool first = !reach.retrieval_known;
    reach.retrieves_to = first ? reached.retrieves_to : std::min(reach.retrieves_to, reached.retrieves_to);
    reach.ruler_to = first ? reached.ruler_to : std::min(reach.ruler_to, reached.ruler_to);
    reach.retrieval_known = true;
  }
}

/// What the far part is worth: the loss with another text in its place, minus the loss with the true one.
void add_use(Reach& reach, const ReportData& data) {
  std::map<Index, std::pair<ByDocument, ByDocument>> losses;  // swapped, true
  for (const Record& r : data.records) {
    if (r.task != "far-use" || r.method != reach.method) continue;
    if (r.part == "swapped") losses[r.length].first[r.document].push_back(r.loss);
    if (r.part == "true") losses[r.length].second[r.document].push_back(r.loss);
  }
  std::vector<FarBenefit> benefits;
  for (const auto& [length, pair] : losses) {
    const std::vector<double> differences = paired_difference(pair.first, pair.second, data.units);
    if (differences.size() >= 3) benefits.push_back({length, interval(differences)});
  }
  reach.use_known = !benefits.empty();
  reach.used_to = used_to(benefits);
}

/// Every part of "yarn:factor=4+logn" is a name that only changes numbers, and once: grow=1 rotates all keys
/// again at each step.
bool only_numbers(const std::string& method, const std::vector<MethodNote>& notes) {
  if (method.find("grow=1") != std::string::npos) return false;
  for (std::size_t at = 0; at <= method.size();) {
    const std::size_t end = std::min(method.find('+', at), method.size());
    const std::string part = method.substr(at, end - at), name = part.substr(0, part.find(':'));
    const auto note = std::find_if(notes.begin(), notes.end(), [&](const auto& n) { return n.name == name; });
    if (note == notes.end() || !note->only_numbers) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

ReportData report_data(std::vector<Record> records, const RunInfo& run, std::vector<MethodNote> notes) {
  ReportData data{.records = std::move(records), .run = run, .notes = std::move(notes)};
  data.units = units_of(data.records);
  data.cells = summarise(data.records, data.units, run.margin, run.n_vocab);
  return data;
}

bool is_baseline(const std::string& method) {
  return method == kTruncated || method == kShort || method == kOwnShort;
}

bool asks_for_masked(const ReportData& data) {
  return std::any_of(data.records.begin(), data.records.end(),
                     [](const Record& r) { return r.task == "masked"; });
}

std::vector<std::string> methods_of(const ReportData& data) {
  std::vector<std::string> names;
  auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Record& r : data.records)
    if (r.method == kPlain) add(r.method);
  for (const Record& r : data.records)
    if (!is_baseline(r.method)) add(r.method);
  for (const Record& r : data.records) add(r.method);
  return names;
}

ByDocument seconds_by_document(const ReportData& data, const std::string& method, Index length) {
  ByDocument seconds;
  for (const Record& r : data.records)
    if (gives_verdicts(r.task) && r.method == method && r.length == length && r.seconds > 0)
      seconds[r.document].push_back(r.seconds);
  return seconds;
}

std::optional<double> seconds_of(const ReportData& data, const std::string& method, Index length) {
  const ByDocument seconds = seconds_by_document(data, method, length);
  if (seconds.empty()) return std::nullopt;
  return t_interval(unit_means(seconds, data.units)).mean;
}

Interval paired_loss(const ReportData& data, const SummaryCell& cell) {
  double base = cell.loss.mean - cell.difference.mean;
  for (const SummaryCell& c : data.cells)
    if (c.method == kTruncated && c.loss.n == static_cast<int>(data.units.n())) base = c.loss.mean;
  const Interval& d = cell.difference;
  if (!std::isfinite(base + d.mean)) return {.mean = cell.loss.mean, .low = {}, .high = {}};
  Interval shown{.mean = base + d.mean, .low = {}, .high = {}, .n = d.n};
  if (d.low) shown.low = base + *d.low, shown.high = base + *d.high;
  return shown;
}

const SummaryCell* cell_at(const ReportData& data, const std::string& method, Index length) {
  for (const SummaryCell& c : data.cells)
    if (c.method == method && c.length == length) return &c;
  return nullptr;
}

std::optional<double> loss_top(const ReportData& data) {
  double low = 1e30, top = -1e30;
  bool exploded = false;
  for (const SummaryCell& c : data.cells) {
    exploded = exploded || c.verdict.word == "explodes";
    const Interval shown = paired_loss(data, c);
    if (!std::isfinite(shown.mean)) continue;
    low = std::min(low, shown.mean);
    if (c.verdict.word != "explodes") top = std::max(top, shown.high.value_or(shown.mean));
  }
  if (!exploded || low > 1e29) return std::nullopt;
  return std::max(top, low + 0.2);
}

std::string retrieval_name(const Record& record) {
  return record.part.empty() ? record.task : record.task + " " + record.part;
}

std::map<std::string, std::map<std::string, ScoreByLength>> retrieval_scores(const ReportData& data) {
  std::map<std::string, std::map<std::string, ScoreByLength>> result;
  for (const Record& r : data.records) {
    if (!r.score || !std::isfinite(*r.score)) continue;
    Score& score = result[retrieval_name(r)][r.method][r.length];
    score.sum += *r.score, ++score.n;
  }
  return result;
}

Score own_short_score(const std::map<std::string, ScoreByLength>& methods, Index trained) {
  Score reference;
  const auto shorter = methods.find(kOwnShort), plain = methods.find(kPlain);
  if (shorter != methods.end())
    for (const auto& [length, score] : shorter->second) reference.sum += score.sum, reference.n += score.n;
  else if (plain != methods.end() && plain->second.begin()->first <= trained)
    reference = plain->second.begin()->second;
  return reference;
}

std::map<std::string, Score> cannot_tell(const ReportData& data) {
  std::map<std::string, Score> failed;
  for (const auto& [task, methods] : retrieval_scores(data)) {
    const Score reference = own_short_score(methods, data.run.n_ctx_train);
    if (reference.n > 0 && !retrieval_reach({0, reference.sum, reference.n}, {}).can_tell)
      failed[task] = reference;
  }
  return failed;
}

std::vector<Reach> reaches(const ReportData& data) {
  std::vector<Reach> result;
  for (const std::string& method : methods_of(data)) {
    if (is_baseline(method)) continue;
    Reach& reach = result.emplace_back();
    reach.method = method;
    add_stability(reach, data);
    add_retrieval(reach, data);
    add_use(reach, data);
    reach.as_fast = reach.method == kPlain || only_numbers(reach.method, data.notes);
  }
  return result;
}

std::optional<Interval> slowdown(const ReportData& data, const std::string& method, Index length) {
  const ByDocument own = seconds_by_document(data, method, length),
                   plain = seconds_by_document(data, kPlain, length);
  ByDocument ratios;
  for (const auto& [document, seconds] : own)
    if (const auto other = plain.find(document); other != plain.end())
      ratios[document] = {t_interval(seconds).mean / t_interval(other->second).mean};
  if (ratios.empty()) return std::nullopt;
  return t_interval(unit_means(ratios, data.units));
}

}  // namespace rw
