// SPDX-License-Identifier: Apache-2.0
#include "judge/tune_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/text.h"
#include "results/summary.h"
#include "results/verdict.h"

namespace rw {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct DocumentMean {
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
  std::map<std::string, std::pair<DocumentMean, DocumentMean>> by_document;
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
  std::map<std::string, DocumentMean> by_unit;
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

/// How a difference is read: `sign` 1 where less is better, else -1.
struct Measure {
  const Difference& difference;
  double sign, margin;
  bool shares;

  /// Shown to be less than `bound` on the good side, by the rule of a verdict. -infinity (only the rival is
  /// no number) has no mean: there all have to lie below, which by chance has 2^-n.
  bool below(double bound, double turned = 1) const {
    std::vector<double> values = difference.values;
    for (double& v : values) v *= sign * turned;
    if (values.size() < kEnoughUnits) return false;
    if (shares) {
      for (double& v : values) v = bound - v;
      return p_sign_flip(values) <= kClaimLevel;
    }
    if (!difference.finite())
      return std::all_of(values.begin(), values.end(), [&](double v) { return v < bound; }) &&
             std::pow(0.5, static_cast<double>(values.size())) <= kClaimLevel;
    return *interval(values).high < bound && p_below(values, bound, kWiden) <= kClaimLevel;
  }
  bool no_worse() const { return below(margin); }
  bool better() const { return below(0); }
  bool equal() const { return no_worse() && below(margin, -1); }
};

/// What a goal looks at.
std::vector<Measure> measures(const Margin& margin, Goal goal) {
  std::vector<Measure> all;
  if (goal != Goal::kRetrieval) all.push_back({margin.loss, 1, kStabilityMargin, false});
  if (goal != Goal::kLoss) all.push_back({margin.score, -1, kFoundMargin, true});
  return all;
}

const Margin* over(const std::vector<Margin>& margins, const std::string& rival) {
  for (const Margin& m : margins)
    if (m.rival == rival) return &m;
  return nullptr;
}

/// Every measure of the goal against a rival; false: that rival was not measured.
bool all_of(const Margin* margin, Goal goal, bool (Measure::*shown)() const) {
  if (!margin) return false;
  for (const Measure& m : measures(*margin, goal))
    if (!(m.*shown)()) return false;
  return true;
}

std::string shown_name(const std::string& method) { return method == kPlain ? "plain RoPE" : method; }

/// Documents in which truncation's loss is no number, and all that it was measured on.
std::pair<std::size_t, std::size_t> reference_of(const std::vector<Record>& records) {
  std::set<std::string> bad, all;
  for (const Record& r : records)
    if (gives_verdicts(r.task) && r.method == kTruncated) {
      all.insert(r.document);
      if (!std::isfinite(r.loss)) bad.insert(r.document);
    }
  return {bad.size(), all.size()};
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
                                     return gives_verdicts(r.task) ? std::optional<double>(r.loss)
                                                                   : std::nullopt;
                                   }),
                     difference_of(records, length, winner, rival, [](const Record& r) { return r.score; })});
  std::vector<Difference*> tested;
  std::vector<double> p;
  for (Margin& m : all)
    for (Difference* d : {&m.loss, &m.score})
      if (d->values.size() >= kEnoughUnits && d->finite())
        tested.push_back(d), p.push_back(d == &m.loss ? p_differs(d->values) : p_shares_differ(d->values));
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->p = adjusted[i];
  return all;
}

std::string word_of(const Difference& d, int better) {
  const auto n_bad =
      std::count_if(d.values.begin(), d.values.end(), [](double v) { return !std::isfinite(v); });
  if (n_bad > 0) return fmt::format("not a number in {} of {}", n_bad, d.values.size());
  if (!d.p) return "too few to say";
  // Both have to agree; they differ from 30 units on, where the interval is the bootstrap's.
  if (*d.p > kClaimLevel || (*d.interval.low <= 0 && *d.interval.high >= 0)) return "no difference shown";
  return better * d.interval.mean > 0 ? "better" : "worse";
}

std::size_t units_needed(Goal goal) {
  const auto shares = static_cast<std::size_t>(std::ceil(std::log2(1 / kClaimLevel)));
  return goal == Goal::kLoss ? kEnoughUnits : std::max<std::size_t>(kEnoughUnits, shares);
}

TuneConclusion no_reference(const std::string& where) {
  return {.finding = TuneFinding::kNotFinite,
          .why = fmt::format(
              "no advice: truncation's loss, which all is held against, is not a finite number (NaN or "
              "infinity) {}; something is wrong with the model, its weights or the text",
              where)};
}

TuneConclusion conclude(const std::vector<Record>& records, Index length, const std::string& winner,
                        Goal goal, Index n_vocab) {
  const auto [bad, all] = reference_of(records);
  if (bad > 0) return no_reference(fmt::format("in {} of {}", bad, counted(all, "document")));
  if (const std::size_t n = unread_documents(records, n_vocab).size(); n > 0)
    return {.finding = TuneFinding::kNotRead,
            .why = "no advice: " + not_read_text(n, counted(all, "document"))};
  const std::vector<Margin> own = margins(records, length, winner),
                            of_plain = margins(records, length, kPlain);
  const Margin* plain = over(own, kPlain);
  TuneConclusion c;
  c.truncation_does = !all_of(over(own, kTruncated), goal, &Measure::better);
  const Margin* judged = winner == kPlain ? over(own, kTruncated) : plain;
  const Difference& by = goal == Goal::kRetrieval ? judged->score : judged->loss;
  if (by.values.size() < units_needed(goal)) {
    c.finding = TuneFinding::kTooFew, c.n_needed = units_needed(goal);
    c.why = fmt::format("nothing was shown: {} won, and was judged on {}, where {} are needed",
                        shown_name(winner), by.units.scope(), c.n_needed);
    return c;
  }
  const bool plain_holds = all_of(over(of_plain, kTruncated), goal, &Measure::no_worse);
  const bool tie = plain && all_of(plain, goal, &Measure::equal);
  if ((winner == kPlain || tie) && plain_holds) {
    c.finding = tie ? TuneFinding::kTie : TuneFinding::kPlainWins, c.method = kPlain;
    c.why = tie ? "plain RoPE: " + winner + " is as good, and ties are plain RoPE's"
                : "plain RoPE: nothing did better, and it is no worse than truncation";
  } else if (winner == kPlain || tie) {
    c.why = (tie ? winner + " is as good as" : std::string("nothing did better than")) +
            " plain RoPE, which was not shown to be no worse than truncation";
  } else if (all_of(plain, goal, &Measure::no_worse)) {
    c.finding = TuneFinding::kShown, c.method = winner;
    c.why = winner + ": no worse than plain RoPE on " + by.units.scope();
  } else {
    c.why = winner + " was not shown to be no worse than plain RoPE";
  }
  return c;
}

}  // namespace rw
