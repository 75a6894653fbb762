// SPDX-License-Identifier: Apache-2.0
#include "cli/make_report.h"

#include <filesystem>

#include "core/error.h"
#include "core/tell.h"

namespace rw {

std::string ending_of(const std::string& path) { return std::filesystem::path(path).extension().string(); }

void require_page_name(const std::string& path) {
  const std::string end = ending_of(path);
  if (path == "-")
    throw UsageError("--report", "the name of a file", "'-'", "/dev/stdout is one, where that is meant");
  if (!end.empty() && end != ".html" && end != ".htm")
    throw UsageError("--report", "a name that ends with .html: it is a page", fmt::format("'{}'", end),
                     "`ropewalk report --out` writes .md, .csv, .json and .txt");
}

std::string format_report(const ReportData& data, const std::string& format) {
  return format == "html"       ? html_report(data)
         : format == "markdown" ? markdown_report(data)
         : format == "csv"      ? csv_report(data)
         : format == "json"     ? json_report(data)
                                : text_report(data);
}

void write_report(const std::vector<Record>& records, const RunInfo& run, OutputFile& out,
                  const std::string& path) {
  out.write(format_report(report_for(records, run), "html"));
  out.commit();
  tell("report: file://{}\n", std::filesystem::absolute(path).string());
}

}  // namespace rw
