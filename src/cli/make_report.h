// SPDX-License-Identifier: Apache-2.0
/// What `report` and `eval --report` share.
#pragma once
#include "core/output_file.h"
#include "evaluation/report_for.h"
#include "report/report.h"

namespace rw {

/// Of --margin, in nats: with 0 nothing could ever be stable.
inline constexpr double kLeastMargin = 1e-4;

/// Of a file's name, with its point; a device or a hidden file has none.
std::string ending_of(const std::string& path);
/// Of --report, which writes a page. Errors: UsageError for a name that ends as another format's does.
void require_page_name(const std::string& path);
/// "html", "markdown", "csv", "json" or "text".
std::string format_report(const ReportData& data, const std::string& format);
/// The page into `out`, and its address on stderr. Errors: Error when it cannot be written.
void write_report(const std::vector<Record>& records, const RunInfo& run, OutputFile& out,
                  const std::string& path);

}  // namespace rw
