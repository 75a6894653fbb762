// SPDX-License-Identifier: Apache-2.0
/// What the page and the Markdown both show, as tables and lines. A table without rows: nothing was measured.
#pragma once
#include "report/chart.h"
#include "report/table.h"
#include "results/reach.h"

namespace rw {

// sections.cpp
/// Verdict and difference by method (rows) and length; what summarise() does not judge has none here either.
Table verdict_grid(const ReportData& data);
std::string verdict_note(
    const ReportData& data);  ///< what "~", "inconclusive" and "*" mean, where they occur
/// breaks_at, holds_to, used_to and retrieves_to of each method; columns that nothing was measured for are
/// left out.
Table reach_table(const ReportData& data);
std::string reach_note(const Table& reach);  ///< of the columns that are there
Table numbers_table(const ReportData& data);
Table cost_table(const ReportData& data);
/// Of other engines there is no memory, and time is that of waiting.
const char* cost_title(const RunInfo& run);
Table method_table(const ReportData& data);
Table resolved_table(const ReportData& data);
std::string how_measured(const ReportData& data);  ///< not escaped
std::vector<ChartSeries> loss_series(const ReportData& data);
std::vector<ChartSeries> position_series(const ReportData& data);
enum class Cost { kSeconds, kMegabytes };
std::vector<ChartSeries> cost_series(const ReportData& data, Cost cost);

// far_use.cpp
Table far_use_table(const ReportData& data);
std::string far_use_note(const ReportData& data);  ///< what far is, and where a control is missing

// windows.cpp
/// sliding and llama: loss by task, length and method, with its difference from plain RoPE.
Table windows_table(const ReportData& data);
inline constexpr const char* kWindowsNote =
    "Means over all scored tokens of a document, then over documents. Each length scores other tokens: "
    "compare methods, not lengths. The difference is paired by document.";

// heat.cpp
/// Found share by depth (rows) and length (columns), a table for each method.
struct TaskMaps {
  std::string task;
  std::vector<Table> maps;
};
std::vector<TaskMaps> heat_maps(const ReportData& data);
/// Found share of how many questions, its 95 % interval and its difference from truncation, by task and
/// method (rows) and length.
Table retrieval_table(const ReportData& data);
inline constexpr const char* kRetrievalNote =
    "Found, of how many questions, with its 95 % interval; below, the difference from truncation in points, "
    "paired by document. Intervals are uncorrected.";
/// Tasks that cannot tell have neither map nor row, but a line here each. Not escaped.
std::vector<std::string> cannot_tell_lines(const ReportData& data);
/// Whether the model's chat template was used; empty where no record says.
std::string chat_note(const ReportData& data);

// samples.cpp
/// Metrics by length and method, each with its difference from the truncated baseline.
Table continuation_table(const ReportData& data);
inline constexpr const char* kContinuationNote =
    "BLEU and chrF are of all documents' text together (interval: jackknife over documents); the rest are "
    "means over documents. Below, the difference from the truncated baseline on the same documents, with its "
    "95 % interval where there are three documents or more.";
/// The same, and why a metric is n/a where one is.
std::string continuation_note(const Table& table);
/// What was written at the greatest length on the first document: the truth first, then each method.
struct WrittenSample {
  std::string name, text;
};
std::vector<WrittenSample> samples(const ReportData& data, std::string& where);

/// "+0.123 (+0.100 to +0.146)"; without an interval the mean alone.
std::string interval_text(const Interval& interval, bool sign);

}  // namespace rw
