// SPDX-License-Identifier: Apache-2.0
/// What every format shows alike: verdicts, the answer, how it was made; and what is there only where it
/// belongs.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "core/error.h"
#include "core/json.h"
#include "made_up.h"
#include "report/sections.h"
#include "results/answer.h"

namespace rw {
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

/// Where methods act on a part of the layers, or on none, no format lets a reader think of the whole model.
TEST(Formats, SayOnHowManyLayersMethodsAct) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  ReportData data = made.data();
  for (const auto& [name, text] : formats(data)) EXPECT_FALSE(holds(text, "methods act on")) << name;
  for (const int n : {0, 5}) {
    data.run.n_layers = 30, data.run.n_acting_layers = n;
    for (const auto& [name, text] : formats(data))
      EXPECT_TRUE(holds(text, fmt::format("methods act on {} of 30 layers", n)) ||
                  holds(text, fmt::format(",30,{}\r\n", n)) || parse_json(text, name)["n_acting_layers"] == n)
          << name;
  }
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

/// What a server took to answer is no time of a method.
TEST(Page, TimesOfOtherEnginesAreTimesOfWaiting) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  for (Record& r : made.records) r.seconds = 0.5;
  ReportData data = made.data();
  EXPECT_TRUE(holds(html_report(data), "seconds to read"));
  data.run.isa = kOfServer;
  EXPECT_TRUE(holds(html_report(data), "Time waited for"));
  EXPECT_TRUE(holds(markdown_report(data), "Time waited for"));
  EXPECT_TRUE(holds(html_report(data), "no measure of a method"));
  EXPECT_FALSE(holds(html_report(data), "seconds to read"));
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

/// Eleven methods, each of its own colour; what lies above stands over the chart, a row for each, and no line
/// runs along the edge, where all would look alike.
TEST(Charts, TellElevenMethodsApart) {
  std::vector<ChartSeries> series;
  for (std::size_t m = 0; m < 11; ++m)
    series.push_back(
        {fmt::format("m{}", m), m, {{256, 1.0}, {512, m < 4 ? 9.0 : 1.1}, {1024, m < 4 ? 9.0 : 1.2}}});
  const std::string legend = chart_legend(series);
  std::set<std::string> colours;
  for (std::size_t at = legend.find("stroke='#"); at != std::string::npos;
       at = legend.find("stroke='#", at + 1))
    colours.insert(legend.substr(at + 8, 7));
  EXPECT_EQ(colours.size(), 11u);
  const std::string svg = svg_chart(series, {.title = "", .x_title = "", .y_title = "", .top = 2});
  EXPECT_TRUE(holds(svg, "viewBox='0 -64 640 440'")) << "four rows";
  std::set<std::string> places;
  std::size_t n = 0;
  for (std::size_t at = svg.find("' class='start above'"); at != std::string::npos;
       at = svg.find("' class='start above'", at + 1), ++n) {
    const std::size_t from = svg.rfind("x='", at);
    places.insert(svg.substr(from, at - from));
    EXPECT_LE(std::stod(svg.substr(svg.rfind("y='", at) + 3)), 5);
  }
  EXPECT_EQ(n, 8u);
  EXPECT_EQ(places.size(), n) << "none over another";
  for (std::size_t at = svg.find("<path d='M"); at != std::string::npos;
       at = svg.find("<path d='M", at + 1)) {
    const std::string path = svg.substr(at + 9, svg.find('\'', at + 9) - at - 9);  // "M74.0 30.0L351.0 30.0"
    EXPECT_EQ(path.find(" 30.0L"), std::string::npos) << path;
  }
}

/// A report may replace a report, and nothing else.
TEST(Reports, KnowTheirOwn) {
  MadeUp made, found;
  made.baselines(3), made.method("yarn", -0.05);
  found.retrieval("yarn", 16384, 4), found.retrieval("none (short)", 2048, 4);
  for (const ReportData& data : {made.data(), found.data()})
    for (const auto& [format, text] : formats(data)) EXPECT_TRUE(is_report(text)) << format;
  for (const char* foreign :
       {"my notes", "<!doctype html><title>mine</title>", "{\"answer\": 1}", "# Notes\n", "task,part\n",
        "\x7f"
        "ELF"})
    EXPECT_FALSE(is_report(foreign)) << foreign;
}

TEST(Margins, AreSaidAsPeopleReadThem) {
  EXPECT_EQ(margin_as_perplexity(0.02), "2 % of perplexity");
  EXPECT_EQ(margin_as_perplexity(0.1), "11 % of perplexity");
  EXPECT_EQ(margin_as_perplexity(10), "perplexity times 2.2e+04");
  MadeUp made;
  made.baselines(3), made.method("yarn", 0.001);
  EXPECT_TRUE(holds(text_report(made.data()), "within 0.02 nats, 2 % of perplexity"));
}

/// What a difference on the border needs is no number; from 100 on two digits are enough.
TEST(Margins, NoGuessIsMorePreciseThanItIs) {
  const auto more = [](int needed, int missing) {
    return more_text({.word = "inconclusive", .documents_needed = needed, .more_documents = missing});
  };
  EXPECT_EQ(more(0, 0), "");
  EXPECT_EQ(more(20, 12), "+12");
  EXPECT_EQ(more(500, 492), "+490");
  EXPECT_EQ(more(kManyDocuments, kManyDocuments - 8), ">999");
}

/// Questions, interval and difference from truncation, wherever retrieval is shown.
TEST(Formats, ShowTheSameRetrieval) {
  MadeUp made;
  for (int d = 0; d < 6; ++d)
    for (int q = 0; q < 2; ++q) {
      made.add("passkey", "none (truncated)", 16384, d).score = 0;
      made.add("passkey", "rerope", 16384, d).score = d < 4 ? 1 : 0;
      made.add("passkey", "none (short)", 0, d).score = 1;
    }
  const ReportData data = made.data();
  EXPECT_TRUE(holds(text_report(data), "67 (39 to 86)        12")) << text_report(data);
  EXPECT_TRUE(holds(text_report(data), "+67 (+12 to +100)")) << text_report(data);
  for (const std::string& text : {html_report(data), markdown_report(data)})
    for (const char* part : {"67 % of 12", "(39 to 86)", "+67 (+12 to +100)"})
      EXPECT_TRUE(holds(text, part) || holds(text, escape_markdown(part))) << part;
  const JsonInput json = parse_json(json_report(data), "report");
  for (const JsonInput& row : json["retrieval"])
    if (row["method"] == "rerope") {
      EXPECT_NEAR(row["found"].get<double>(), 2.0 / 3, 1e-12);
      EXPECT_EQ(row["n_questions"], 12);
      EXPECT_NEAR(row["interval"][0].get<double>(), 0.391, 1e-3);
      EXPECT_NEAR(row["versus_truncated"]["interval"][0].get<double>(), 0.125, 5e-3);
      EXPECT_EQ(row["versus_truncated"]["n_units"], 6);
    }
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
}  // namespace rw
