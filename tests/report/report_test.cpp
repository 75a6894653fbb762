// SPDX-License-Identifier: Apache-2.0
/// The report in each of its forms, from made-up records: sections, escapes, widths, and the answer's rules.
#include "report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "made_up.h"
#include "report/chart.h"
#include "report/table.h"
#include "results/answer.h"
#include "well_formed.h"

namespace rw {
namespace {

MadeUp everything(const std::string& name) {
  MadeUp made;
  made.baselines(3);
  for (const std::string& method : {std::string("yarn:factor=4"), std::string("rerope"), name}) {
    made.method(method, -0.05, 1.03);
    for (int d = 0; d < 3; ++d) {
      for (Index end : {1024, 2048, 16384}) {
        Record& r = made.add("positions", method, 16384, d);
        r.position_begin = end / 2, r.position_end = end, r.loss = 3, r.n_targets = 9;
      }
      for (const char* part : {"true", "swapped", "shuffled", "copy"}) {
        Record& r = made.add("far-use", method, 16384, d);
        r.part = part, r.loss = r.part == "swapped" ? 3.2 : 3, r.n_targets = 9;
      }
      Record& r = made.add("continuation", method, 16384, d);
      r.values = {{"bleu", 5.0 + d}, {"chrf", 20}}, r.written = "wrote " + name,
      r.expected = "expected " + name;
      r.document = name + std::to_string(d);
    }
    made.retrieval(method, 8192, 4), made.retrieval(method, 16384, 3, name);
  }
  made.retrieval("none (short)", 2048, 4), made.retrieval("none (short)", 2048, 4, name);
  return made;
}

ReportData evil_data() {
  ReportData data = everything(kEvil).data({{kEvil, kEvil, kEvil, kEvil}});
  RunInfo& run = data.run;
  run.model = run.model_id = run.command = run.precision = run.kv = run.isa = run.version = kEvil;
  return data;
}

TEST(Html, HasEverySectionAndIsWellFormed) {
  const std::string html = html_report(everything("lambda").data({{"yarn", "title", "formula", "source"}}));
  expect_well_formed(html);
  for (const char* id : {"holds-and-finds", "loss", "verdicts", "reach", "positions", "far-use", "retrieval",
                         "continuation", "cost", "numbers", "methods", "origin"})
    EXPECT_NE(html.find(fmt::format("<section id='{}'>", id)), std::string::npos) << id;
  for (const char* never : {"http:", "https:", "url(", "@import", "src="})
    EXPECT_EQ(html.find(never), std::string::npos) << never;  // opens without a network
  EXPECT_EQ(html.find("nan"), std::string::npos);
  std::ofstream(std::string(ROPEWALK_BINARY_DIR) + "/report_made_up.html")
      << html;  // for tools/check_report.py
}

TEST(Html, SectionsAppearOnlyWhereThereAreRecords) {
  MadeUp made;
  made.baselines(3);
  const std::string html = html_report(made.data());
  expect_well_formed(html);
  for (const char* id : {"holds-and-finds", "positions", "far-use", "retrieval", "continuation", "methods"})
    EXPECT_EQ(html.find(fmt::format("<section id='{}'>", id)), std::string::npos) << id;
  MadeUp only;
  only.retrieval("yarn", 8192, 4);
  const std::string found = html_report(only.data());
  expect_well_formed(found);
  EXPECT_EQ(found.find("<section id='loss'>"), std::string::npos);
  EXPECT_NE(found.find("<section id='retrieval'>"), std::string::npos);
  expect_well_formed(html_report(report_data({}, {}, {})));
}

TEST(Html, EscapesAllThatComesFromFilesAndModels) {
  const std::string html = html_report(evil_data());
  expect_well_formed(html);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
}

TEST(Html, LossesThatAreNotNumbersStandAtTheEdge) {
  MadeUp made;
  made.baselines(std::nan(""));
  made.method("yarn", INFINITY);
  const std::string html = html_report(made.data());
  expect_well_formed(html);
  EXPECT_NE(html.find("not finite"), std::string::npos);
  EXPECT_EQ(html.find(" nan"), std::string::npos);
  EXPECT_EQ(html.find("'inf"), std::string::npos);
}

TEST(Markdown, RowsHaveAsManyCellsAsTheirHead) {
  const std::string text = markdown_report(evil_data());
  std::istringstream lines(text);
  std::size_t cells = 0;
  int rows = 0;
  for (std::string line; std::getline(lines, line);) {
    std::size_t own = 0;
    if (!line.starts_with("    ")) {  // a block to be copied, in which nothing is markup
      EXPECT_EQ(line.find("<script"), std::string::npos) << line;
    }
    for (std::size_t i = 0; i < line.size(); ++i) own += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
    if (line[0] != '|') cells = 0;
    if (line[0] != '|') continue;
    if (cells == 0) cells = own;
    EXPECT_EQ(own, cells) << line;
    ++rows;
  }
  EXPECT_GT(rows, 30);
}

TEST(Markdown, TheCommandCanBeCopied) {
  MadeUp made;
  made.baselines(3);
  ReportData data = made.data();
  data.run.command = "ropewalk eval 'a & b.gguf' --text *.txt --methods yarn:factor=4+logn --out <x>_y_";
  EXPECT_NE(markdown_report(data).find("\n\n    " + data.run.command + "\n\n"), std::string::npos);
}

TEST(Csv, QuotesAndKeepsItsColumns) {
  const std::string csv = csv_report(evil_data());
  std::size_t columns = 0, fields = 1, rows = 0;
  bool inside = false;
  for (std::size_t i = 0; i < csv.size(); ++i) {
    if (csv[i] == '"') inside = !inside;
    if (!inside && csv[i] == ',') ++fields;
    if (inside || csv[i] != '\n') continue;
    if (columns == 0) columns = fields;
    EXPECT_EQ(fields, columns) << "row " << rows;
    fields = 1, ++rows;
  }
  EXPECT_EQ(rows, evil_data().records.size() + 1);
  EXPECT_EQ(csv.rfind("task,part,method,resolved,document,length,", 0), 0u);
  EXPECT_NE(csv.find(",bleu,chrf,written,"), std::string::npos);
  EXPECT_NE(csv.find(",verdict,date,command,n_layers,n_acting_layers\r\n"), std::string::npos);
  EXPECT_NE(csv_report(everything("lambda").data()).find(",explodes,"), std::string::npos);
  EXPECT_NE(csv.find("\"\"&|"), std::string::npos);
  MadeUp formula;
  formula.add("continuation", "yarn", 16384, 0).written = "=HYPERLINK(1)";
  EXPECT_NE(csv_report(formula.data()).find(",'=HYPERLINK(1),"), std::string::npos);
}

TEST(Curves, FitIntoEightyColumns) {
  for (const ReportData& data : {everything("lambda").data()}) {
    std::istringstream lines(text_report(data));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
  const std::string text = character_curves(everything("lambda").data());
  EXPECT_NE(text.find("8k trained"), std::string::npos);
  EXPECT_NE(text.find("  b yarn:factor=4"), std::string::npos);
  EXPECT_EQ(character_curves(report_data({}, {}, {})), "");
}

// ---------------------------------------------------------------- parts

TEST(Chart, TicksAreRound) {
  EXPECT_EQ(nice_ticks(0.3, 2.2, 5), (std::vector<double>{0.5, 1, 1.5, 2}));
  EXPECT_LE(nice_ticks(1, 1 + 1e-9, 5).size(), 50u);
}

TEST(Text, IsCutBetweenCharacters) {
  EXPECT_EQ(shortened("\xc3\xa4\xc3\xb6\xc3\xbc", 2), "\xc3\xa4\xc3\xb6...");
  EXPECT_EQ(shortened("abc", 3), "abc");
}

}  // namespace
}  // namespace rw
