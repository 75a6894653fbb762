// SPDX-License-Identifier: Apache-2.0
#include "judge/tune_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "results/verdict.h"

namespace ropewalk {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Mean {
  double sum = 0;
  int n = 0;
  void add(double value) { sum += value, ++n; }
  double value() const { return sum / n; }
};

/// a - b, where what is not finite is as bad as can be.
double minus(double a, double b) {
  if (!std::isfinite(a)) return kInfinity;
  return std::isfinite(b) ? a - b : -kInfinity;
}

template <class ValueOf>
Difference difference_of(const std::vector<Record>& records, Index length, const std::string& a,
                         const std::string& b, const ValueOf& value_of) {
  std::map<std::string, std::pair<Mean, Mean>> by_document;
  for (const Record& r : records) {
    const std::optional<double> value = value_of(r);
    if (!value || r.length != length) continue;
    if (r.method == a) by_document[r.document].first.add(*value);
    if (r.method == b) by_document[r.document].second.add(*value);
  }
  std::set<std::string> both;
  for (const auto& [document, pair] : by_document)
    if (pair.first.n > 0 && pair.second.n > 0) both.insert(document);
  Difference all;
  all.units = Units(both);
  std::map<std::string, Mean> by_unit;
  for (const std::string& document : both) {
    const auto& [first, second] = by_document.at(document);
    by_unit[all.units.of(document)].add(minus(first.value(), second.value()));
  }
  for (const auto& [unit, mean] : by_unit) all.values.push_back(mean.value());
  // Infinities of both signs in one unit have no mean: as bad as the worse.
  for (double& value : all.values)
    if (std::isnan(value)) value = kInfinity;
  if (all.measured() && all.finite())
    all.interval = interval(all.values);
  else
    all.interval.n = static_cast<int>(all.values.size());
  return all;
}

/// Shares of keys found are far from normal: the two-sided sign-flip test.
double p_shares_differ(std::vector<double> values) {
  const double above = p_sign_flip(values);
  for (double& v : values) v = -v;
  return std::min(1.0, 2 * std::min(above, p_sign_flip(values)));
}

/// `sign`: 1 where less is better, else -1.
bool shown_no_worse(const Difference& d, double sign, double margin) {
  if (!d.measured()) return false;
  if (d.interval.low) return (sign > 0 ? *d.interval.high : -*d.interval.low) < margin;
  return std::all_of(d.values.begin(), d.values.end(), [&](double v) { return sign * v < -margin; });
}

bool within(const Difference& d, double margin) {
  if (d.interval.low) return *d.interval.low > -margin && *d.interval.high < margin;
  return std::all_of(d.values.begin(), d.values.end(), [&](double v) { return std::abs(v) <= margin; });
}

/// The interval lies on the good side of 0.
bool shown_better(const Difference& d, double sign, double margin) {
  if (d.interval.low) return (sign > 0 ? *d.interval.high : -*d.interval.low) < 0;
  return shown_no_worse(d, sign, margin);
}

/// What a goal looks at.
struct Measure {
  const Difference& difference;
  double sign, margin;
};
std::vector<Measure> measures(const Margin& margin, Goal goal) {
  std::vector<Measure> all;
  if (goal != Goal::kRetrieval) all.push_back({margin.loss, 1, kStabilityMargin});
  if (goal != Goal::kLoss) all.push_back({margin.score, -1, kFoundMargin});
  return all;
}

const Margin* over(const std::vector<Margin>& margins, const std::string& rival) {
  for (const Margin& m : margins)
    if (m.rival == rival) return &m;
  return nullptr;
}

}  // namespace

bool Difference::finite() const {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

std::vector<Margin> margins(const std::vector<Record>& records, Index length, const std::string& winner) {
  std::vector<Margin> all;
  for (const std::string& rival : {kPlain, kTruncated, std::string("yarn")})
    if (rival != winner)
      all.push_back({rival,
                     difference_of(records, length, winner, rival,
                                   [](const Record& r) {
                                     return r.task == "tail" ? std::optional<double>(r.loss) : std::nullopt;
                                   }),
                     difference_of(records, length, winner, rival, [](const Record& r) { return r.score; })});
  std::vector<Difference*> tested;
  std::vector<double> p;
  for (Margin& m : all)
    for (Difference* d : {&m.loss, &m.score})
      if (d->values.size() >= kFewestForAWord && d->finite())
        tested.push_back(d), p.push_back(d == &m.loss ? p_differs(d->values) : p_shares_differ(d->values));
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->p = adjusted[i];
  return all;
}

std::string word_of(const Difference& d, int better) {
  const auto n_bad =
      std::count_if(d.values.begin(), d.values.end(), [](double v) { return !std::isfinite(v); });
  if (n_bad > 0) return fmt::format("not a number in {} of {}", n_bad, d.values.size());
  if (!d.p) return "too few texts to say";
  // Both have to agree; they differ from 30 units on, where the interval is the bootstrap's.
  if (*d.p > kClaimLevel || (*d.interval.low <= 0 && *d.interval.high >= 0)) return "no difference shown";
  return better * d.interval.mean > 0 ? "better" : "worse";
}

TuneConclusion conclude(const std::string& winner, const std::vector<Margin>& margins, Goal goal) {
  TuneConclusion c{.method = kPlain, .why = {}};
  const Margin* plain = over(margins, kPlain);
  const Margin* truncated = over(margins, kTruncated);
  if (truncated)
    for (const Measure& m : measures(*truncated, goal))
      c.truncation_does |= m.difference.measured() && !shown_better(m.difference, m.sign, m.margin);
  if (winner == kPlain || !plain) {
    c.why = "plain RoPE: nothing did better";
    return c;
  }
  bool no_worse = true, tie = true;
  for (const Measure& m : measures(*plain, goal)) {
    no_worse &= shown_no_worse(m.difference, m.sign, m.margin);
    tie &= m.difference.measured() && within(m.difference, m.margin);
  }
  if (tie) {
    c.finding = TuneFinding::kTie;
    c.why = "plain RoPE: " + winner + " is as good, and ties are plain RoPE's";
  } else if (!no_worse) {
    c.finding = TuneFinding::kNotShown;
    c.why = "plain RoPE: " + winner + " was not shown to be no worse";
  } else {
    c.finding = TuneFinding::kShown, c.method = winner;
    c.why = winner + ": no worse than plain RoPE on " + plain->loss.units.scope();
  }
  return c;
}

}  // namespace ropewalk
