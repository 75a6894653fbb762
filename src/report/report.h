// SPDX-License-Identifier: Apache-2.0
/// Results for people and for other programs: a web page, Markdown, CSV, and curves as characters.
#pragma once
#include <string>
#include <vector>

#include "judge/summary.h"

namespace ropewalk {

/// What each method is, given by the caller: this layer knows records only.
struct MethodNote {
  std::string name, title, formula, source;
};

struct ReportData {
  std::vector<Record> records;
  RunInfo run;
  std::vector<MethodNote> notes;
  std::vector<SummaryCell> cells = {};  ///< of the tail task, if it ran
  std::size_t n_documents = 0;          ///< of the tail task; else of all
};
/// Fills in cells and n_documents.
ReportData report_data(std::vector<Record> records, const RunInfo& run, std::vector<MethodNote> notes);

/// One self-contained page: no script, nothing fetched, prints well, methods told apart by shape as well as
/// colour. Sections appear where there are records. All text from files and models is escaped.
std::string html_report(const ReportData& data);
std::string markdown_report(const ReportData& data);
/// One row for each record (RFC 4180). Text that a spreadsheet would take for a formula gets a ' in front.
std::string csv_report(const ReportData& data);
/// The answer, then loss against length, 80 columns; empty without records of the tail task.
std::string answer_text(const ReportData& data);
std::string character_curves(const ReportData& data);

}  // namespace ropewalk
