// SPDX-License-Identifier: Apache-2.0
/// Results for people and for other programs: a web page, Markdown, CSV, and curves as characters.
#pragma once
#include <string>
#include <string_view>

#include "results/report_data.h"

namespace rw {

/// One self-contained page: no script, nothing fetched, prints well, methods told apart by shape as well as
/// colour. Sections appear where there are records. All text from files and models is escaped.
std::string html_report(const ReportData& data);
std::string markdown_report(const ReportData& data);
/// One row for each record (RFC 4180). Text that a spreadsheet would take for a formula gets a ' in front.
std::string csv_report(const ReportData& data);
/// One JSON object: answer, findings, verdicts, origin, records. `eval --json` prints it too.
std::string json_report(const ReportData& data);
/// For a terminal of 80 columns: answer, curves, tables.
std::string text_report(const ReportData& data, bool with_curves = true);
/// Whether these bytes are a report in one of the formats above: what may be replaced by a new one.
bool is_report(std::string_view bytes);
/// Loss against length, 80 columns; empty without records of the tail task.
std::string character_curves(const ReportData& data);

}  // namespace rw
