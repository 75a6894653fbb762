// SPDX-License-Identifier: Apache-2.0
/// ropewalk report: files of results, of one machine or of several, as one page.
#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/make_report.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "results/store.h"

namespace rw::cli::report {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string format, out;
  bool json = false;
  double margin = kStabilityMargin;
} options;

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
  if (results.n_cut > 0)
    say(fmt::format("{} of an item that is not whole: left out (the command that made it measures it again)",
                    counted(results.n_cut, "line")));
  if (results.n_again > 0)
    say(fmt::format("{} that a later run measured again with other settings: the later ones count",
                    counted(results.n_again, "result")));
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
  app.never_with("--json", {"--format"});
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
}  // namespace rw::cli::report
