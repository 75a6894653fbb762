// SPDX-License-Identifier: Apache-2.0
/// What the terminal and the page show of a comparison of starts, as tables and curves.
#pragma once
#include "report/chart.h"
#include "report/recovery.h"
#include "report/table.h"

namespace rw {

/// "best method without training (yarn)", "truncation (last 256)", "this model at 256": what is to be passed.
std::string target_title(const Recovery& recovery, Target target);
/// The targets that were measured; one of two that are the same.
std::vector<Target> shown_targets(const Recovery& recovery);
/// By start: the step at which it passes each target.
Table passes_table(const Recovery& recovery);
/// Of one start, by step.
Table looks_table(const Recovery& recovery, const StartRecovery& start);
/// Why some cells are empty and what the numbers are; a sentence each.
std::vector<std::string> recovery_notes(const Recovery& recovery);

enum class Across { kSteps, kSeconds };
/// Loss at the long length with its interval, and the targets as lines. As truncation's mean plus the paired
/// difference from it, where that is there: between texts losses differ more than between starts.
std::vector<ChartSeries> long_loss_curves(const Recovery& recovery, Across across);
/// The same at the original length, from plain RoPE before training.
std::vector<ChartSeries> short_loss_curves(const Recovery& recovery);
/// Per cent of keys found at the long length; empty: not asked.
std::vector<ChartSeries> found_curves(const Recovery& recovery);

}  // namespace rw
