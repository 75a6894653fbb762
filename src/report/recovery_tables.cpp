// SPDX-License-Identifier: Apache-2.0
#include "report/recovery_tables.h"

#include <algorithm>
#include <cmath>

#include "report/sections.h"

namespace rw {
namespace {

std::size_t at(Target target) { return static_cast<std::size_t>(target); }

std::string difference_text(const std::optional<Interval>& difference) {
  return difference ? interval_text(*difference, true) : "-";
}

std::string loss_text(const RecoveryAt& look) {
  return look.loss ? fmt::format("{:.3f}", look.loss->mean) : look.finite ? "-" : "not finite";
}

std::string found_text(const std::optional<Proportion>& p) {
  return p ? fmt::format("{:.0f} ({:.0f} to {:.0f})", 100 * p->value, 100 * p->low, 100 * p->high) : "-";
}

bool any_found(const Recovery& recovery) {
  return std::any_of(recovery.starts.begin(), recovery.starts.end(), [](const StartRecovery& start) {
    return std::any_of(start.at.begin(), start.at.end(),
                       [](const RecoveryAt& look) { return look.found.has_value(); });
  });
}

/// A loss and its paired difference as one interval.
ChartPoint point_of(Index x, double base, const Interval& difference) {
  ChartPoint point{x, base + difference.mean, {}, {}};
  if (difference.low) point.low = base + *difference.low, point.high = base + *difference.high;
  return point;
}

/// Where a look stands; nullopt: its time is not known.
std::optional<Index> x_of(const RecoveryAt& look, Across across) {
  if (across == Across::kSteps) return look.step;
  if (!look.seconds) return std::nullopt;
  return static_cast<Index>(std::llround(*look.seconds));
}

std::string passed_cell(const StartRecovery& start, const std::optional<Passed>& passed) {
  if (!passed)
    return fmt::format("not within {}{}", start.at.back().step,
                       start.ended ? fmt::format("; ended at {}", *start.ended) : "");
  return fmt::format("step {}{}{}", passed->step, passed->seconds ? ", " + time_text(*passed->seconds) : "",
                     passed->still ? "" : "; not at the end");
}

void add_line(std::vector<ChartSeries>& curves, const std::string& name, double loss) {
  Index last = 0;
  for (const ChartSeries& curve : curves)
    if (!curve.points.empty()) last = std::max(last, curve.points.back().x);
  curves.push_back({name, curves.size(), {{0, loss, {}, {}}, {last, loss, {}, {}}}});
}

}  // namespace

std::string target_title(const Recovery& recovery, Target target) {
  switch (target) {
    case Target::kTrainingFree: {
      const auto& best = recovery.targets[at(target)];
      if (!best) return "untrained methods";
      const auto start = std::find_if(recovery.starts.begin(), recovery.starts.end(), [&](const auto& s) {
        return s.start.method == best->method;
      });  // as it was asked for: all its parameters stand with its looks
      return "untrained best: " + (start == recovery.starts.end() ? best->method : start->start.name);
    }
    case Target::kTruncation:
      return "truncation";
    default:
      return fmt::format("plain RoPE at {}", k_tokens(recovery.n_ctx_train));
  }
}

std::vector<Target> shown_targets(const Recovery& recovery) {
  std::vector<Target> targets;
  for (const Target target : kAllTargets)
    if (recovery.targets[at(target)] && !(recovery.same_targets && target == Target::kOriginalShort))
      targets.push_back(target);
  return targets;
}

Table passes_table(const Recovery& recovery) {
  Table table{"", {"start"}, {}};
  const std::vector<Target> targets = shown_targets(recovery);
  for (const Target target : targets) table.head.push_back("passes " + target_title(recovery, target));
  for (const StartRecovery& start : recovery.starts) {
    std::vector<Cell> row{{start.start.name, "name"}};
    for (const Target target : targets) {
      const bool told = recovery.enough && !start.at.empty();
      row.push_back({told ? passed_cell(start, start.passes[at(target)]) : "-", "number"});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table looks_table(const Recovery& recovery, const StartRecovery& start) {
  const bool found = any_found(recovery);
  const Target target =
      recovery.targets[at(Target::kTruncation)] ? Target::kTruncation : Target::kTrainingFree;
  Table table{start.start.name,
              {"step", "loss", "from " + target_title(recovery, target),
               fmt::format("at {}: from before", k_tokens(recovery.n_ctx_train))},
              {}};
  if (found) table.head.push_back("keys, %");
  for (const RecoveryAt& look : start.at) {
    table.rows.push_back({{fmt::format("{}", look.step), "number"},
                          {loss_text(look), "number"},
                          {difference_text(look.versus[at(target)].difference), "number"},
                          {difference_text(look.kept), "number"}});
    if (found) table.rows.back().push_back({found_text(look.found), "number"});
  }
  return table;
}

std::vector<std::string> recovery_notes(const Recovery& recovery) {
  std::vector<std::string> notes{fmt::format(
      "Loss: nats per token of the last tokens at {} tokens, mean over {}; differences are paired "
      "by document, with their 95 % interval, uncorrected. Below 0 is better.",
      k_tokens(recovery.length), recovery.units.scope())};
  if (recovery.enough)
    notes.push_back(
        fmt::format("\"Passes\": the difference was shown to be below 0, corrected over all steps looked at "
                    "of all starts (Holm); so is what is said to use what lies further back, or to lose by "
                    "it. That any such claim here is wrong has a chance of 5 % at most{}.",
                    recovery.units.only().empty() ? "" : "; it speaks for " + recovery.units.only()));
  if (recovery.same_targets)
    notes.push_back(fmt::format(
        "Truncation and this model at {} read the same tokens before the same last ones: who passes one "
        "passes the other.",
        k_tokens(recovery.n_ctx_train)));
  if (recovery.original_found && recovery.original_found->value < 0.2)
    notes.push_back(fmt::format(
        "Keys: at {} tokens, before training, it finds {:.0f} % of them: a model that finds so few there "
        "cannot tell what a start finds.",
        k_tokens(recovery.n_ctx_train), 100 * recovery.original_found->value));
  return notes;
}

std::vector<ChartSeries> long_loss_curves(const Recovery& recovery, Across across) {
  std::vector<ChartSeries> curves;
  const auto& truncation = recovery.targets[at(Target::kTruncation)];
  for (const StartRecovery& start : recovery.starts) {
    ChartSeries curve{start.start.name, curves.size(), {}};
    for (const RecoveryAt& look : start.at) {
      const std::optional<Index> x = x_of(look, across);
      const std::optional<Interval>& versus = look.versus[at(Target::kTruncation)].difference;
      if (x && truncation && versus)
        curve.points.push_back(point_of(*x, truncation->loss.mean, *versus));
      else if (x && look.loss)
        curve.points.push_back(point_of(*x, 0, *look.loss));
    }
    curves.push_back(std::move(curve));
  }
  if (std::all_of(curves.begin(), curves.end(), [](const ChartSeries& c) { return c.points.empty(); }))
    return curves;  // no look, or none whose time is known
  for (const Target target : shown_targets(recovery))
    add_line(curves, target_title(recovery, target), recovery.targets[at(target)]->loss.mean);
  return curves;
}

std::vector<ChartSeries> short_loss_curves(const Recovery& recovery) {
  std::vector<ChartSeries> curves;
  const auto& before = recovery.targets[at(Target::kOriginalShort)];
  for (const StartRecovery& start : recovery.starts) {
    ChartSeries curve{start.start.name, curves.size(), {}};
    for (const RecoveryAt& look : start.at) {
      if (before && look.kept)
        curve.points.push_back(point_of(look.step, before->loss.mean, *look.kept));
      else if (look.short_loss)
        curve.points.push_back(point_of(look.step, 0, *look.short_loss));
    }
    curves.push_back(std::move(curve));
  }
  if (before) add_line(curves, "plain RoPE before training", before->loss.mean);
  return curves;
}

std::vector<ChartSeries> found_curves(const Recovery& recovery) {
  std::vector<ChartSeries> curves;
  if (!any_found(recovery)) return curves;
  for (const StartRecovery& start : recovery.starts) {
    ChartSeries curve{start.start.name, curves.size(), {}};
    for (const RecoveryAt& look : start.at)
      if (look.found)
        curve.points.push_back(
            {look.step, 100 * look.found->value, 100 * look.found->low, 100 * look.found->high});
    curves.push_back(std::move(curve));
  }
  return curves;
}

}  // namespace rw
