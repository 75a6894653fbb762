// SPDX-License-Identifier: Apache-2.0
#include "cli/make_report.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/registry.h"
#include "core/tell.h"
#include "methods/method.h"
#include "results/store.h"

namespace rw {
namespace {

/// A file may hold methods that this version does not know: they have records and no note.
std::vector<MethodNote> notes_of(const std::vector<Record>& records) {
  std::vector<MethodNote> notes;
  for (const Record& r : records) {
    std::vector<MethodPart> parts;
    try {
      parts = MethodSpec::parse(r.method).parts;
    } catch (const Error&) {
      continue;  // a baseline, or a name from elsewhere
    }
    for (const MethodPart& part : parts) {
      const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
      if (std::none_of(notes.begin(), notes.end(), [&](const MethodNote& n) { return n.name == info.name; }))
        notes.push_back({info.name, info.title, info.formula, info.source,
                         info.kind == "frequency" || info.kind == "scale"});
    }
  }
  return notes;
}

}  // namespace

std::string ending_of(const std::string& path) { return std::filesystem::path(path).extension().string(); }

void require_page_name(const std::string& path) {
  const std::string end = ending_of(path);
  if (path == "-")
    throw UsageError("--report", "the name of a file", "'-'", "/dev/stdout is one, where that is meant");
  if (!end.empty() && end != ".html" && end != ".htm")
    throw UsageError("--report", "a name that ends with .html: it is a page", fmt::format("'{}'", end),
                     "`ropewalk report --out` writes .md, .csv, .json and .txt");
}

ReportData report_for(std::vector<Record> records, const RunInfo& run) {
  order_methods(records);
  std::vector<MethodNote> notes = notes_of(records);
  return report_data(std::move(records), run, std::move(notes));
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
