// SPDX-License-Identifier: Apache-2.0
#include "results/recovery.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "core/error.h"
#include "results/summary.h"
#include "results/verdict.h"

namespace rw {
namespace {

ByDocument losses_of(const std::vector<Record>& records, const std::string& method, Index length) {
  ByDocument losses;
  for (const Record& r : records)
    if (gives_verdicts(r.task) && r.n_targets > 0 && r.method == method && r.length == length)
      losses[r.document].push_back(r.loss);
  return losses;
}

std::optional<Interval> finite_interval(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  for (double v : values)
    if (!std::isfinite(v)) return std::nullopt;
  return interval(values);
}

std::optional<Proportion> keys_found(const std::vector<Record>& records, const std::string& method,
                                     Index length, const Units& units) {
  ByDocument scores;
  for (const Record& r : records)
    if (r.task == "passkey" && r.score && r.method == method && r.length == length)
      scores[r.document].push_back(*r.score);
  if (scores.empty()) return std::nullopt;
  const std::vector<double> shares = unit_means(scores, units);
  return proportion(std::accumulate(shares.begin(), shares.end(), 0.0), static_cast<Index>(shares.size()));
}

bool is_evidence(const std::vector<double>& difference) {
  return difference.size() >= static_cast<std::size_t>(kEnoughUnits) &&
         std::all_of(difference.begin(), difference.end(), [](double d) { return std::isfinite(d); });
}
/// "Below 0", of paired differences; too few or not finite: no evidence.
double p_of(const std::vector<double>& difference) {
  return is_evidence(difference) ? p_below(difference, 0, kWiden) : 1;
}

/// Holm's correction of those that are there.
void correct_all(const std::vector<std::optional<double>*>& p) {
  std::vector<double> raw;
  for (const std::optional<double>* one : p)
    if (*one) raw.push_back(**one);
  const std::vector<double> adjusted = holm(raw);
  std::size_t next = 0;
  for (std::optional<double>* one : p)
    if (*one) *one = adjusted[next++];
}

/// What is to be passed: losses of one method, or of several, all of which are.
struct Rival {
  std::string method;
  ByDocument losses;
  double mean = 0;
};

class Decision {
 public:
  explicit Decision(const RecoveryInput& input) : input_(input) {
    result_.n_ctx_train = input.n_ctx_train, result_.length = input.length;
    std::vector<Record> all = input.untrained;
    for (const Look& look : input.looks) all.insert(all.end(), look.records.begin(), look.records.end());
    result_.units = units_of(all);
    result_.n_unread = unread_documents(input.untrained, input.n_vocab).size();
    result_.enough = result_.n_unread == 0 && result_.units.n() >= static_cast<std::size_t>(kEnoughUnits);
  }

  Recovery result() {
    find_targets();
    result_.original_found = keys_found(input_.untrained, kPlain, input_.n_ctx_train, result_.units);
    result_.truncated_found = keys_found(input_.untrained, kTruncated, input_.length, result_.units);
    for (const Start& start : input_.starts) result_.starts.push_back({start, {}, {}, {}, {}});
    for (const EndedStart& ended : input_.ended) {
      RW_CHECK(ended.start < result_.starts.size());
      result_.starts[ended.start].ended = ended.step;
    }
    for (const Look& look : input_.looks) look_at(look);
    for (StartRecovery& start : result_.starts)
      std::stable_sort(start.at.begin(), start.at.end(),
                       [](const RecoveryAt& a, const RecoveryAt& b) { return a.step < b.step; });
    correct();
    find_passes();
    find_best_start();
    find_fastest();
    find_nearest();
    find_harm();
    find_more_units();
    return std::move(result_);
  }

 private:
  static std::size_t index(Target target) { return static_cast<std::size_t>(target); }

  void add_rival(Target target, const std::string& method, Index length) {
    ByDocument losses = losses_of(input_.untrained, method, length);
    const std::optional<Interval> loss = finite_interval(unit_means(losses, result_.units));
    if (loss) rivals_[index(target)].push_back({method, std::move(losses), loss->mean});
  }

  void find_targets() {
    std::set<std::string> free;
    for (const Record& r : input_.untrained)
      if (gives_verdicts(r.task) && r.length == input_.length && r.method != kTruncated &&
          r.method != kShort && r.method != kOwnShort)
        free.insert(r.method);
    for (const std::string& method : free) add_rival(Target::kTrainingFree, method, input_.length);
    add_rival(Target::kTruncation, kTruncated, input_.length);
    add_rival(Target::kOriginalShort, kPlain, input_.n_ctx_train);
    for (Target target : kAllTargets) {
      std::vector<Rival>& rivals = rivals_[index(target)];
      std::stable_sort(rivals.begin(), rivals.end(),
                       [](const Rival& a, const Rival& b) { return a.mean < b.mean; });
      if (!rivals.empty())
        result_.targets[index(target)] = {rivals[0].method,
                                          interval(unit_means(rivals[0].losses, result_.units))};
    }
    const auto &truncation = rivals_[index(Target::kTruncation)],
               &original = rivals_[index(Target::kOriginalShort)];
    result_.same_targets =
        !truncation.empty() && !original.empty() && truncation[0].losses == original[0].losses;
  }

  void look_at(const Look& look) {
    RW_CHECK(look.start < result_.starts.size());
    const std::string& method = input_.starts[look.start].method;
    const ByDocument loss = losses_of(look.records, method, input_.length),
                     near = losses_of(look.records, method, input_.n_ctx_train),
                     before = losses_of(input_.untrained, kPlain, input_.n_ctx_train);
    RecoveryAt at;
    at.step = look.step, at.seconds = look.seconds;
    at.finite = all_finite(loss) && all_finite(near);
    at.loss = finite_interval(unit_means(loss, result_.units));
    at.short_loss = finite_interval(unit_means(near, result_.units));
    const std::vector<double> far = paired_difference(loss, near, result_.units);
    at.far = finite_interval(far);
    if (result_.enough && is_evidence(far))
      at.p_uses_far = p_below(far, 0, kWiden), at.p_far_hurts = p_above(far, 0, kWiden);
    at.kept = finite_interval(paired_difference(near, before, result_.units));
    at.found = keys_found(look.records, method, input_.length, result_.units);
    at.short_found = keys_found(look.records, method, input_.n_ctx_train, result_.units);
    for (Target target : kAllTargets) {
      Versus& versus = at.versus[index(target)];
      const std::vector<Rival>& rivals = rivals_[index(target)];
      if (rivals.empty()) continue;
      versus.difference = finite_interval(paired_difference(loss, rivals[0].losses, result_.units));
      if (!result_.enough) continue;
      versus.p = 0;
      for (const Rival& rival : rivals)
        versus.p = std::max(*versus.p, p_of(paired_difference(loss, rival.losses, result_.units)));
    }
    result_.starts[look.start].at.push_back(at);
  }

  /// Holm's correction of each kind of claim over all looks of all starts.
  void correct() {
    std::array<std::vector<std::optional<double>*>, kTargets> passes;
    std::vector<std::optional<double>*> far;
    for (StartRecovery& start : result_.starts)
      for (RecoveryAt& at : start.at) {
        for (Target target : kAllTargets) passes[index(target)].push_back(&at.versus[index(target)].p);
        far.insert(far.end(), {&at.p_uses_far, &at.p_far_hurts});
      }
    for (const auto& of_target : passes) correct_all(of_target);
    correct_all(far);
  }

  void find_passes() {
    for (StartRecovery& start : result_.starts)
      for (Target target : kAllTargets)
        for (const RecoveryAt& at : start.at)
          if (at.versus[index(target)].shown()) {
            start.passes[index(target)] = {at.step, at.seconds,
                                           start.at.back().versus[index(target)].shown()};
            break;
          }
  }

  ByDocument losses_at(std::size_t s, Index step) const {
    for (const Look& look : input_.looks)
      if (look.start == s && look.step == step)
        return losses_of(look.records, input_.starts[s].method, input_.length);
    return {};
  }

  void find_best_start() {
    std::vector<ByDocument> losses;
    std::vector<double> means, p;
    for (std::size_t s = 0; s < result_.starts.size(); ++s) {
      losses.push_back(losses_at(s, 0));
      const auto loss = finite_interval(unit_means(losses[s], result_.units));
      means.push_back(loss ? loss->mean : std::numeric_limits<double>::infinity());
    }
    const auto least = std::min_element(means.begin(), means.end());
    if (least == means.end() || !std::isfinite(*least)) return;
    result_.best_start = static_cast<std::size_t>(least - means.begin());
    if (!result_.enough) return;
    std::size_t n_others = 0;
    for (std::size_t s = 0; s < losses.size(); ++s) {  // "s is below every other": the greatest p-value
      double greatest = 0;
      for (std::size_t other = 0; other < losses.size(); ++other) {
        if (other == s || losses[other].empty() || !all_finite(losses[other])) continue;  // no number: beaten
        greatest = std::max(greatest, p_of(paired_difference(losses[s], losses[other], result_.units)));
        n_others += s == *result_.best_start;
      }
      p.push_back(greatest);
    }
    result_.best_start_shown = n_others > 0 && holm(p)[*result_.best_start] <= kRecoveryLevel;
  }

  double loss_at(std::size_t s, Index step) const {
    for (const RecoveryAt& at : result_.starts[s].at)
      if (at.step == step && at.loss) return at.loss->mean;
    return std::numeric_limits<double>::infinity();
  }

  void find_fastest() {
    const auto passed = [&](std::size_t s) -> const std::optional<Passed>& {
      return result_.starts[s].passes[index(Target::kTruncation)];
    };
    const auto first = [&](auto amount) {
      std::optional<std::size_t> best;
      for (std::size_t s = 0; s < result_.starts.size(); ++s) {
        if (!passed(s)) continue;
        const auto key = [&](std::size_t k) {
          return std::pair(amount(*passed(k)), loss_at(k, passed(k)->step));
        };
        if (!best || key(s) < key(*best)) best = s;
      }
      return best;
    };
    result_.fastest_by_step = first([](const Passed& p) { return static_cast<double>(p.step); });
    for (std::size_t s = 0; s < result_.starts.size(); ++s)
      if (passed(s) && passed(s)->step == passed(*result_.fastest_by_step)->step)
        result_.first_by_step.push_back(s);
    find_pace_noise();
    for (std::size_t s = 0; s < result_.starts.size(); ++s)
      if (passed(s) && !passed(s)->seconds) return;
    const std::optional<std::size_t> least = first([](const Passed& p) { return *p.seconds; });
    for (std::size_t s = 0; s < result_.starts.size(); ++s)
      if (passed(s) && s != least &&
          (!result_.pace_noise || *passed(s)->seconds <= *passed(*least)->seconds * *result_.pace_noise))
        return;
    result_.fastest_by_time = least;
  }

  void find_pace_noise() {
    for (const StartRecovery& start : result_.starts) {
      double least = std::numeric_limits<double>::infinity(), most = 0;
      int n = 0;
      for (std::size_t i = 1; i < start.at.size(); ++i) {
        const RecoveryAt &from = start.at[i - 1], &to = start.at[i];
        if (!from.seconds || !to.seconds || to.step == from.step || *to.seconds <= *from.seconds) continue;
        const double pace = (*to.seconds - *from.seconds) / static_cast<double>(to.step - from.step);
        least = std::min(least, pace), most = std::max(most, pace), ++n;
      }
      if (n > 1) result_.pace_noise = std::max(result_.pace_noise.value_or(1), most / least);
    }
  }

  /// Of every start its last look against its step 0.
  void find_harm() {
    std::vector<std::optional<double>*> p;
    for (std::size_t s = 0; s < result_.starts.size(); ++s) {
      StartRecovery& start = result_.starts[s];
      if (start.at.empty() || start.at.back().step == 0) continue;
      const std::vector<double> change =
          paired_difference(losses_at(s, start.at.back().step), losses_at(s, 0), result_.units);
      start.change = finite_interval(change);
      if (result_.enough && is_evidence(change)) start.p_harmed = p_above(change, 0, kWiden);
      p.push_back(&start.p_harmed);
    }
    correct_all(p);
  }

  void find_more_units() {
    const std::vector<Rival>& truncation = rivals_[index(Target::kTruncation)];
    if (!result_.enough || result_.fastest_by_step || !result_.nearest || truncation.empty()) return;
    const std::vector<double> difference = paired_difference(losses_at(*result_.nearest, result_.last_step),
                                                             truncation[0].losses, result_.units);
    if (!is_evidence(difference)) return;
    const auto n = static_cast<double>(difference.size());
    const double mean = std::accumulate(difference.begin(), difference.end(), 0.0) / n;
    double squares = 0;
    for (const double d : difference) squares += (d - mean) * (d - mean);
    std::size_t n_tests = 0;
    for (const StartRecovery& start : result_.starts) n_tests += start.at.size();
    if (mean >= 0 || squares == 0) return;
    const int needed = documents_needed(std::sqrt(squares / (n - 1)), -mean,
                                        1 - 2 * kRecoveryLevel / static_cast<double>(n_tests), 0, kWiden);
    result_.more_units =
        needed >= kManyDocuments ? kManyDocuments : std::max(0, needed - static_cast<int>(difference.size()));
  }

  void find_nearest() {
    if (result_.starts.empty()) return;
    const bool all_ended = result_.all_ended();
    Index last = std::numeric_limits<Index>::max();
    for (const StartRecovery& start : result_.starts)
      if (all_ended || !start.ended) last = std::min(last, start.at.empty() ? 0 : start.at.back().step);
    result_.last_step = last;
    for (std::size_t s = 0; s < result_.starts.size(); ++s) {
      const double loss = loss_at(s, last);
      if (std::isfinite(loss) && (!result_.nearest || loss < loss_at(*result_.nearest, last)))
        result_.nearest = s;
    }
  }

  const RecoveryInput& input_;
  Recovery result_;
  std::array<std::vector<Rival>, kTargets> rivals_;  // the least mean loss first
};

}  // namespace

const char* target_name(Target target) {
  switch (target) {
    case Target::kTrainingFree:
      return "training_free";
    case Target::kTruncation:
      return "truncation";
    default:
      return "original_short";
  }
}

Recovery recover(const RecoveryInput& input) { return Decision(input).result(); }

}  // namespace rw
