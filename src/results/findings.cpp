// SPDX-License-Identifier: Apache-2.0
#include "results/findings.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "results/measured_on.h"

namespace rw {
namespace {

bool is_better(const SummaryCell* cell) {
  return cell && (cell->verdict.word == "improves" || cell->verdict.note == "better");
}

bool breaks(const SummaryCell* cell) {
  return cell && (cell->verdict.word == "degrades" || cell->verdict.word == "explodes");
}

bool finds_more(const FoundAt& found, const std::string& method) {
  return std::any_of(found.methods.begin(), found.methods.end(),
                     [&](const Found& f) { return f.method == method && f.shown(); });
}

/// By its verdict; where there is none, by what was seen. Nothing that explodes is ever advised.
bool explodes(const ReportData& data, const SummaryCell& c) {
  return c.verdict.word == "explodes" || !(c.difference.mean <= explodes_above(data.run.margin));
}

void choose_finder(Findings& findings, const ReportData& data) {
  const auto broken = [&](const Found& f) { return breaks(cell_at(data, f.method, findings.found.length)); };
  for (const Found& f : findings.found.methods) {
    if (!findings.top_seen || f.own.mean() > findings.top_seen->own.mean()) findings.top_seen = f;
    if (!f.shown()) continue;
    const std::optional<Found>& best = findings.finder;
    if (!best || std::pair(!broken(f), f.own.mean()) > std::pair(!broken(*best), best->own.mean()))
      findings.finder = f;
  }
  findings.finder_breaks = findings.finder && broken(*findings.finder);
  findings.top_breaks = findings.top_seen && broken(*findings.top_seen);
}

/// Among those that hold farthest: shown better, then shown to find more, then the least loss.
void choose_method(Findings& findings, const ReportData& data) {
  const auto claim = [&](const Reach& r) {
    return is_better(cell_at(data, r.method, *r.holds_to)) ? Findings::Kind::kBetter
           : finds_more(findings.found, r.method)          ? Findings::Kind::kFindsMore
                                                           : Findings::Kind::kHolds;
  };
  const auto loss = [&](const Reach& r) {
    return shared_mean(data.cells, *cell_at(data, r.method, *r.holds_to));
  };
  for (const Reach& r : findings.reaches) {
    if (r.holds_to.value_or(0) <= data.run.n_ctx_train) continue;
    const std::optional<Reach>& best = findings.best;
    if (!best ||
        std::tuple(*r.holds_to, claim(r), -loss(r)) > std::tuple(*best->holds_to, claim(*best), -loss(*best)))
      findings.best = r;
  }
  if (!findings.best) return;
  findings.kind = claim(*findings.best);
  for (const Reach& r : findings.reaches)
    if (r.method != findings.best->method && r.holds_to == findings.best->holds_to &&
        claim(r) == findings.kind)
      findings.as_far.push_back(r.method);
}

/// Documents in which truncation's loss, the reference of every difference, is NaN or infinite.
std::size_t n_without_reference(const ReportData& data) {
  std::set<std::string> documents;
  for (const Record& r : data.records)
    if (gives_verdicts(r.task) && r.method == kTruncated && !std::isfinite(r.loss))
      documents.insert(r.document);
  return documents.size();
}

/// Whether a method past the trained length has as many as a verdict needs: files may hold many texts, and
/// few of each method.
bool enough_units(const ReportData& data) {
  return std::any_of(data.cells.begin(), data.cells.end(), [&](const SummaryCell& c) {
    return c.length > data.run.n_ctx_train && !is_baseline(c.method) && c.difference.n >= kEnoughUnits;
  });
}

}  // namespace

Findings findings_of(const ReportData& data) {
  Findings findings;
  findings.n_not_finite = n_without_reference(data);
  if (findings.n_not_finite > 0) {
    findings.kind = Findings::Kind::kNotFinite;
    return findings;
  }
  findings.unread = unread_documents(data.records, data.run.n_vocab);
  if (!findings.unread.empty()) {
    findings.kind = Findings::Kind::kNotRead;
    return findings;
  }
  findings.reaches = reaches(data), findings.found = found_at(data);
  choose_finder(findings, data);
  if (data.cells.empty()) return findings;
  const Index longest = data.cells.back().length;
  for (const SummaryCell& c : data.cells)
    if (c.length == longest && !is_baseline(c.method) && !explodes(data, c) &&
        (!findings.nearest || shared_mean(data.cells, c) < shared_mean(data.cells, *findings.nearest)))
      findings.nearest = c;
  if (longest <= data.run.n_ctx_train) {
    findings.kind = Findings::Kind::kWithin;
  } else if (!enough_units(data)) {
    findings.kind = Findings::Kind::kTooFew;
  } else {
    findings.kind = Findings::Kind::kNoMethod;
    choose_method(findings, data);
  }
  return findings;
}

const char* kind_name(Findings::Kind kind) {
  switch (kind) {
    case Findings::Kind::kNoLoss:
      return "no loss";
    case Findings::Kind::kNotFinite:
      return "not finite";
    case Findings::Kind::kNotRead:
      return "not read";
    case Findings::Kind::kWithin:
      return "within the trained length";
    case Findings::Kind::kTooFew:
      return "too few";
    case Findings::Kind::kNoMethod:
      return "no method";
    case Findings::Kind::kHolds:
      return "holds";
    case Findings::Kind::kFindsMore:
      return "finds more";
    case Findings::Kind::kBetter:
      return "better";
  }
  return "";
}

}  // namespace rw
