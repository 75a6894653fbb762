// SPDX-License-Identifier: Apache-2.0
/// What the page and the Markdown both show, as tables and lines. A table without rows: nothing was measured.
#pragma once
#include "report/chart.h"
#include "report/reach.h"
#include "report/table.h"

namespace ropewalk {

// sections.cpp
/// Verdict and difference by method (rows) and length; below the trained length no verdict: less was read.
Table verdict_grid(const ReportData& data);
/// breaks_at, stable_to, used_to and retrieves_to of each method; columns that nothing was measured for are
/// left out.
Table reach_table(const ReportData& data);
Table numbers_table(const ReportData& data);
Table far_use_table(const ReportData& data);
Table cost_table(const ReportData& data);
Table method_table(const ReportData& data);
Table resolved_table(const ReportData& data);
std::string how_measured(const ReportData& data);  ///< not escaped
std::vector<ChartSeries> loss_series(const ReportData& data);
std::vector<ChartSeries> position_series(const ReportData& data);
enum class Cost { kSeconds, kMegabytes };
std::vector<ChartSeries> cost_series(const ReportData& data, Cost cost);

// heat.cpp
/// Found share by depth (rows) and length (columns), a table for each method.
struct TaskMaps {
  std::string task;
  std::vector<Table> maps;
};
std::vector<TaskMaps> heat_maps(const ReportData& data);
/// Found share with its 95 % interval by task and method (rows) and length.
Table retrieval_table(const ReportData& data);

// samples.cpp
/// Metrics by length and method, each with its difference from the truncated baseline.
Table continuation_table(const ReportData& data);
/// What was written at the greatest length on the first document: the truth first, then each method.
struct Sample {
  std::string name, text;
};
std::vector<Sample> samples(const ReportData& data, std::string& where);

/// "+0.123 (+0.100 to +0.146)"; without an interval the mean alone.
std::string interval_text(const Interval& interval, bool sign);

}  // namespace ropewalk
