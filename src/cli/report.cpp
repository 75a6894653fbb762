// SPDX-License-Identifier: Apache-2.0
/// ropewalk report: files of results, of one machine or of several, as one page.
#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/make_report.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "results/store.h"

namespace ropewalk {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string format, out;
  bool json = false;
  double margin = kStabilityMargin;
} options;

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

/// Of a file's name, with its point; a device or a hidden file has none.
std::string ending_of(const std::string& path) { return std::filesystem::path(path).extension().string(); }

constexpr struct {
  std::string_view name;
  const char* format;
} kEndings[] = {{"", "html"},    {".html", "html"}, {".htm", "html"}, {".md", "markdown"},
                {".csv", "csv"}, {".json", "json"}, {".txt", "text"}};

/// As said, or as the name of the file to write ends; else the page.
std::string chosen_format() {
  if (!options.format.empty()) return options.format;
  if (options.json) return "json";
  const std::string end = ending_of(options.out);
  const auto format = std::find_if(std::begin(kEndings), std::end(kEndings),
                                   [&](const auto& ending) { return end == ending.name; });
  if (format == std::end(kEndings))
    throw UsageError("--out", "a name that ends with .html, .md, .csv, .json or .txt",
                     fmt::format("'{}'", end), "--format says what to write under another name");
  return format->format;
}

int run() {
  const std::string format = chosen_format();
  require_outputs_apart({options.out}, options.files);
  require_own(options.out, "a report of ropewalk's", is_report);
  StoredResults results = read_results(options.files);
  results.run.margin = options.margin;  // a way of looking at results, so no part of them
  const ReportData data = report_for(std::move(results.records), results.run);
  const std::string text = format_report(data, format);
  if (options.out.empty()) {
    fmt::print("{}", text);
    return 0;
  }
  OutputFile out(options.out);
  out.write(text);
  out.commit();
  tell("report: file://{}\n", std::filesystem::absolute(options.out).string());
  return 0;
}

void define(CommandLine& app) {
  app.add_option("FILE", options.files, "what --out wrote; several are merged; - for stdin")->required();
  app.add_option("--format", options.format,
                 "html, markdown, csv, json, or text;\ndefault: as --out ends, else html")
      ->check(one_of({"html", "markdown", "csv", "json", "text"}));
  app.add_flag("--json", options.json, "the same as --format json");
  app.add_option("--margin", options.margin, "difference in nats that counts as stable")
      ->check(in_range(kLeastMargin, 10.0))
      ->capture_default_str();
  app.add_option("--out", options.out, "file to write: .html, .md, .csv, .json\nor .txt; else stdout");
  app.footer(
      "Examples:\n"
      "  ropewalk report results.jsonl --out report.html\n"
      "  ropewalk report machine-a.jsonl machine-b.jsonl --format text");
}

const Register<Command> registered{{"report", "results as a web page, table or curves", define, run}};

}  // namespace

void require_page_name(const std::string& path) {
  const std::string end = ending_of(path);
  if (end != "" && end != ".html" && end != ".htm")
    throw UsageError("--report", "a name that ends with .html: it is a page", fmt::format("'{}'", end),
                     "`ropewalk report --out` writes .md, .csv, .json and .txt");
}

ReportData report_for(std::vector<Record> records, const RunInfo& run) {
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

}  // namespace ropewalk
