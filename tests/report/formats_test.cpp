// SPDX-License-Identifier: Apache-2.0
/// What every format shows alike: verdicts, the answer, how it was made; and what is there only where it
/// belongs.
#include <gtest/gtest.h>

#include <sstream>

#include "core/error.h"
#include "core/json.h"
#include "made_up.h"
#include "report/sections.h"
#include "results/answer.h"

namespace ropewalk {
namespace {

bool holds(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

std::vector<std::pair<const char*, std::string>> formats(const ReportData& data) {
  return {{"page", html_report(data)},
          {"markdown", markdown_report(data)},
          {"terminal", text_report(data)},
          {"csv", csv_report(data)},
          {"json", json_report(data)}};
}

/// The words of every method and length, as the terminal and JSON show them.
TEST(Formats, ShowTheSameVerdicts) {
  for (const int documents : {2, 5}) {
    MadeUp made{.documents = documents};
    made.baselines(3), made.method("yarn", -0.05), made.method("pi", 0.0005), made.method("ntk", 0.03);
    made.method("lost", 0.0203);
    const ReportData data = made.data();
    const Json json = parse_json(json_report(data), "report");
    ASSERT_EQ(json["results"].size(), data.cells.size());
    for (std::size_t i = 0; i < data.cells.size(); ++i) {
      const SummaryCell& c = data.cells[i];
      EXPECT_EQ(json["results"][i]["verdict"], c.verdict.word);
      EXPECT_EQ(json["results"][i]["seen_only"], c.verdict.seen_only);
      for (const auto& [name, text] : formats(data))
        if (name != std::string("json") && c.verdict.word != "less read") {
          const std::string shown = c.verdict.shown();
          EXPECT_TRUE(holds(text, name == std::string("markdown") ? escape_markdown(shown) : shown))
              << name << ": " << c.verdict.shown();
        }
    }
    // Below the trained length no format has a verdict of any kind.
    for (const SummaryCell& c : data.cells)
      if (c.length < 8192) {
        EXPECT_EQ(c.verdict.word, "less read");
      }
    for (const auto& [name, text] : formats(data))
      for (const char* bold : {"explodes", "degrades", "improves"})
        if (documents < 5 && name != std::string("page")) {  // whose style has a class of each
          EXPECT_FALSE(holds(text, std::string(bold) + "\n")) << name << ": " << bold;
        }
  }
}

TEST(Formats, StartWithTheSameAnswer) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  const ReportData data = made.data();
  const std::string lead = "there its loss is below that of the last 8k tokens alone (truncation).";
  for (const auto& [name, text] : formats(data)) {
    std::string words = text;
    if (name == std::string("terminal"))
      for (char& c : words) c = c == '\n' ? ' ' : c;
    if (name != std::string("csv")) {
      EXPECT_TRUE(holds(words, lead)) << name;
    }
  }
  const Json json = parse_json(json_report(data), "report");
  EXPECT_EQ(json["answer"], answer_line(data));
  EXPECT_EQ(json["findings"]["kind"], "better");
  EXPECT_EQ(json["findings"]["method"], "yarn");
  EXPECT_EQ(json["findings"]["holds_to"], 16384);
}

TEST(Formats, SayHowItWasMade) {
  MadeUp made;
  made.baselines(3);
  for (Record& r : made.records) {
    r.document = "my novel.txt#" + r.document.substr(4);
    r.date = r.length > 8192 ? "2026-11-27" : "2026-11-26",
    r.command = "ropewalk eval m --text 'my novel.txt'";
  }
  ReportData data = made.data();
  for (const auto& [name, text] : formats(data)) {
    const bool page = name == std::string("page");
    EXPECT_TRUE(holds(text, page ? "--text &#39;my novel.txt&#39;" : "--text 'my novel.txt'") ||
                name == std::string("terminal"))
        << name;
    if (name == std::string("terminal")) continue;  // who typed it sees it
    EXPECT_TRUE(holds(text, "2026-11-26")) << name;
    EXPECT_TRUE(holds(text, "my novel.txt")) << name;
  }
  EXPECT_TRUE(holds(html_report(data), "my novel.txt, 5 stretches"));
  EXPECT_TRUE(holds(html_report(data), "Measured on 2026-11-26 to 2026-11-27"));
  EXPECT_TRUE(holds(markdown_report(data), "## How it was made"));
  data.records[0].command = "ropewalk eval m --shard 1/2";  // several commands: each
  EXPECT_TRUE(holds(html_report(data), "--shard 1/2"));
  EXPECT_TRUE(holds(html_report(data), "&#39;my novel.txt&#39;"));
}

TEST(Page, HasNoEmptyTableAndNoLegendOfWhatIsNotThere) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  const std::string plain = html_report(made.data({{"yarn", "title", "formula", "source", true}}));
  EXPECT_FALSE(holds(plain, "<tbody></tbody>"));
  EXPECT_FALSE(holds(plain, "with all its parameters"));  // every one is spelled as it was asked for
  EXPECT_TRUE(holds(plain, "Breaks at: "));
  for (const char* absent : {"Used to: ", "Retrieves to: ", "Cannot tell"})
    EXPECT_FALSE(holds(plain, absent));
  made.retrieval("yarn", 16384, 4), made.retrieval("none (short)", 2048, 4);
  for (Record& r : made.records)
    if (r.method == "yarn") r.resolved = "yarn:factor=2";
  const std::string more = html_report(made.data({{"yarn", "title", "formula", "source", true}}));
  EXPECT_TRUE(holds(more, "with all its parameters"));
  EXPECT_TRUE(holds(more, "Retrieves to: "));
  EXPECT_TRUE(holds(more, "prefers-color-scheme:dark"));
}

/// A loss above the axis is not drawn as if it lay on it.
TEST(Charts, SayWhatLiesAboveThem) {
  MadeUp made;
  made.baselines(3), made.method("yarn", 0.001);
  const std::string page = html_report(made.data());
  EXPECT_TRUE(holds(page, "above' style='fill:#000000'>6.200</text>"))
      << page.substr(page.find("<svg"), 3000);
  const std::string curves = character_curves(made.data());
  std::istringstream lines(curves);
  bool found = false;
  for (std::string line; std::getline(lines, line);)
    if (holds(line, "higher |")) found = holds(line, "a");
  EXPECT_TRUE(found) << curves;
  MadeUp calm;
  calm.baselines(0.01), calm.method("yarn", 0.001);
  EXPECT_FALSE(holds(character_curves(calm.data()), "higher |"));
}

/// Tables of the terminal that are read without the documents.
TEST(Terminal, RetrievalAndFarUseHaveDifferenceIntervalAndNumber) {
  MadeUp made;
  for (int d = 0; d < 5; ++d)
    for (int q = 0; q < 2; ++q) {
      made.add("passkey", "none (truncated)", 16384, d).score = 0;
      made.add("passkey", "a-method-with-a-name-of-more-than-24-letters", 16384, d).score = 1;
      made.add("passkey", "none (short)", 0, d).score = 1;
    }
  for (int d = 0; d < 5; ++d)
    for (const char* part : {"true", "swapped", "copy"}) {
      Record& r = made.add("far-use", "yarn", 16384, d);
      r.part = part, r.n_targets = 9, r.loss = r.part == "swapped" ? 3.2 + 0.01 * d : 3;
    }
  const std::string text = text_report(made.data());
  EXPECT_TRUE(holds(text, "passkey at 16k: right answers in %")) << text;
  EXPECT_TRUE(holds(text, "100 (72 to 100)        10                   +100\n")) << text;
  EXPECT_FALSE(holds(text, "+100 to +100")) << "where every unit gave the same, the spread is unknown";
  EXPECT_TRUE(holds(text, "passkey, in short text")) << text;
  EXPECT_TRUE(holds(text, "swapped - true      +0.220 (+0.200 to +0.240)   5")) << text;
  EXPECT_TRUE(holds(text, "the far text is used")) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

}  // namespace
}  // namespace ropewalk
