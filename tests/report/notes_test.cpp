// SPDX-License-Identifier: Apache-2.0
/// What the report says about its own numbers: intervals, corrections, what cannot be told, what is missing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "made_up.h"
#include "report/sections.h"
#include "results/answer.h"

namespace rw {
namespace {

bool holds(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}
/// In the page and in the Markdown.
void both_say(const ReportData& data, const std::string& words) {
  EXPECT_TRUE(holds(html_report(data), words)) << words;
  EXPECT_TRUE(holds(markdown_report(data), words)) << words;
}
void neither_says(const ReportData& data, const std::string& words) {
  EXPECT_FALSE(holds(html_report(data), words)) << words;
  EXPECT_FALSE(holds(markdown_report(data), words)) << words;
}

TEST(Windows, HaveATableWithPairedDifferences) {
  MadeUp made;
  for (const char* task : {"sliding", "llama"})
    for (const char* method : {"none", "yarn"})
      for (int d = 0; d < 3; ++d) {
        Record& r = made.add(task, method, 16384, d);
        r.n_targets = 100, r.loss = 3 + d + (r.method == "yarn" ? -0.5 - 0.01 * d : 0);
      }
  const ReportData data = made.data();
  const Table table = windows_table(data);
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_EQ(table.rows[0][0].text, "llama");
  EXPECT_EQ(table.rows[0][4].text, "");  // plain RoPE from itself
  // Mean 3.490, deviation 0.99, t = 4.303: +- 2.459. Paired: -0.51, deviation 0.01: +- 0.025.
  EXPECT_EQ(table.rows[1][3].text, "3.490 (1.031 to 5.949)");
  EXPECT_EQ(table.rows[1][4].text, "-0.510 (-0.535 to -0.485)");
  both_say(data, "Loss over windows");
  both_say(data, "compare methods, not lengths");
  both_say(data, "give no verdict");
}

TEST(Windows, LossesThatAreNoNumbersAreSaid) {
  MadeUp made;
  for (int d = 0; d < 3; ++d) {
    Record& r = made.add("sliding", kEvil, 16384, d);
    r.n_targets = 1, r.loss = std::nan("");
  }
  EXPECT_EQ(windows_table(made.data()).rows.at(0)[3].text, "none");
  neither_says(made.data(), "<script>");
}

TEST(HowMeasured, NamesTheIntervalByTheNumberOfDocuments) {
  for (const auto& [documents, words] :
       {std::pair{2, "too few for an interval"}, {29, "95 % t-interval"}, {30, "95 % bootstrap interval"}}) {
    MadeUp made{.documents = documents};
    made.baselines(3), made.method("yarn", 0.2);
    both_say(made.data(), words);
  }
  MadeUp mixed{.documents = 30};
  mixed.baselines(3);
  mixed.documents = 5, mixed.method("yarn", 0.2);
  both_say(mixed.data(), "t below 30, else bootstrap");
}

/// Differences at 16k as given, one for each document.
ReportData with_differences(const std::vector<double>& differences) {
  MadeUp made{.documents = static_cast<int>(differences.size())};
  made.baselines(3), made.tail("yarn", 8192, 0);
  for (int d = 0; d < made.documents; ++d) {
    Record& r = made.add("tail", "yarn", 16384, d);
    r.n_targets = 256, r.loss = 3 + 0.1 * d + differences[static_cast<std::size_t>(d)];
  }
  return made.data();
}
Cell cell_of(const ReportData& data, const std::string& method) {
  for (const auto& row : verdict_grid(data).rows)
    if (row[0].text == method) return row.back();
  return {};
}

TEST(Verdicts, InconclusiveSaysHowManyDocumentsAreMissing) {
  const ReportData data = with_differences({0.05, 0.10, -0.02, 0.07, 0.01});
  const SummaryCell* cell = cell_at(data, "yarn", 16384);
  ASSERT_EQ(cell->verdict.word, "inconclusive");
  const std::string more = fmt::format("(+{})", cell->verdict.more_documents);
  EXPECT_TRUE(holds(cell_of(data, "yarn").text, more)) << cell_of(data, "yarn").text;
  EXPECT_TRUE(holds(cell_of(data, "yarn").hover, fmt::format("{} in all", cell->verdict.documents_needed)));
  both_say(data, more);
  both_say(data, "about N more would decide");
  // The mean lies on the border itself and the losses are far apart: no number of documents is worth naming.
  const ReportData open = with_differences({2.02, -1.98, 1.02, -0.98, 0.02});
  EXPECT_TRUE(holds(cell_of(open, "yarn").text, "(>999)")) << cell_of(open, "yarn").text;
  MadeUp sure;
  sure.baselines(3), sure.method("yarn", 0);
  neither_says(sure.data(), "more would decide");
}

TEST(Verdicts, AStarIsExplained) {
  ReportData data = with_differences({0.05, 0.10, -0.02, 0.07, 0.01});
  neither_says(data, "not after the correction");
  for (SummaryCell& c : data.cells)
    if (c.method == "yarn" && c.length == 16384) c.verdict.uncorrected = "degrades";
  both_say(data, "by its own interval, but not after the correction");
}

TEST(Verdicts, TheFartherEndOfALeaningInterval) {
  ReportData data = with_differences({0.05, 0.10, -0.02, 0.07, 0.01});
  for (SummaryCell& c : data.cells)
    if (c.method == "yarn") c.difference = {.mean = 0.1, .low = 0.05, .high = 0.3, .n = 30};
  EXPECT_TRUE(holds(cell_of(data, "yarn").text, "+0.100 \u00b1 0.200"));
}

// ---------------------------------------------------------------- retrieval

TEST(CannotTell, ATaskThatFailsInShortTextsHasNoCurve) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  made.retrieval("yarn", 16384, 3, "needle"), made.retrieval("none (short)", 2048, 0, "needle");
  const ReportData alone = made.data();
  EXPECT_TRUE(heat_maps(alone).empty());
  EXPECT_TRUE(retrieval_table(alone).rows.empty());
  both_say(alone, "cannot tell: finds 0 % even in short texts (4 questions)");
  for (const auto& row : reach_table(alone).rows)
    EXPECT_EQ(row[3].text, row[0].text == "yarn" ? "cannot tell" : "") << row[0].text;

  made.retrieval("yarn", 16384, 4), made.retrieval("none (short)", 2048, 4);
  const ReportData mixed = made.data();
  both_say(mixed, "cannot tell: finds 0 % even in short texts");
  ASSERT_EQ(heat_maps(mixed).size(), 1u);
  EXPECT_EQ(heat_maps(mixed)[0].task, "passkey");
  ASSERT_EQ(retrieval_table(mixed).rows.size(), 1u);
  EXPECT_EQ(retrieval_table(mixed).rows[0][0].text, "passkey");
  std::string answer = answer_text(mixed);
  std::replace(answer.begin(), answer.end(), '\n', ' ');
  EXPECT_TRUE(holds(answer, "retrieves to 16k")) << answer;
  EXPECT_TRUE(holds(answer, "even in short texts to tell: needle (0 %).")) << answer;
}

TEST(CannotTell, OneInFiveCanTell) {
  MadeUp made;
  for (int q = 0; q < 5; ++q) {
    made.add("passkey", "none (short)", 2048, 0).score = q == 0;
    made.add("passkey", "yarn", 16384, 0).score = q == 0;
  }
  EXPECT_TRUE(cannot_tell(made.data()).empty());
  EXPECT_EQ(retrieval_table(made.data()).rows.size(), 1u);
}

TEST(CannotTell, IsSaidWhereNothingElseWasMeasured) {
  MadeUp made;
  made.retrieval("yarn", 16384, 0, kEvil), made.retrieval("none (short)", 2048, 0, kEvil);
  neither_says(made.data(), "<script>");
  both_say(made.data(), "even in short texts");
  EXPECT_TRUE(holds(answer_text(made.data()), "too little even in short"));
}

TEST(Chat, WhetherTheTemplateWasUsedIsSaid) {
  MadeUp made;
  made.retrieval("yarn", 8192, 4), made.retrieval("none (short)", 2048, 4);
  neither_says(made.data(), "chat template");
  for (Record& r : made.records) r.values = {{"chat", 1}, {"prompt", 99}};
  both_say(made.data(), "Asked through the model");
  for (Record& r : made.records) r.values = {{"chat", 0}};
  both_say(made.data(), "Asked without a chat template.");
  made.records[0].values = {{"chat", 1}};
  both_say(made.data(), "1 question was asked through");
}

// ---------------------------------------------------------------- far use, continuation

TEST(FarUse, SaysWhatFarIsAndWhereNothingWasSwapped) {
  MadeUp made;
  const auto read = [&](Index length, int document, std::initializer_list<const char*> parts) {
    for (const char* part : parts) {
      Record& r = made.add("far-use", "yarn", length, document);
      r.part = part, r.n_targets = 9, r.loss = 3;
    }
  };
  read(16384, 0, {"true", "swapped", "shuffled"});
  both_say(made.data(), "before the last 8k tokens, or before the last half where that is shorter");
  Record& baseline = made.add("far-use", kShort, 0, 0);  // has no far part at all
  baseline.part = "true", baseline.n_targets = 9;
  for (const char* words : {"were swapped", "nothing was swapped", "the true text alone"})
    neither_says(made.data(), words);
  read(16384, 1, {"true", "shuffled"});
  both_say(made.data(), "At 16k 1 of 2 documents were swapped");
  read(32768, 0, {"true", "shuffled"});
  both_say(made.data(), "At 32k nothing was swapped");
  read(512, 0, {"true"});
  both_say(made.data(), "At 512 the true text alone was read");
}

TEST(FarUse, ManyDocumentsAreResampledInTheTableToo) {
  MadeUp made;
  std::vector<double> worth;
  for (int d = 0; d < 30; ++d) {
    worth.push_back(d % 10 == 0 ? 1.0 : 0.01 * (d % 3));  // skewed: the two intervals differ
    made.add("far-use", "yarn", 16384, d).part = "true";
    made.add("far-use", "yarn", 16384, d).part = "swapped";
    made.records.back().loss = worth.back();
  }
  for (Record& r : made.records) r.n_targets = 9;
  // In the order of the documents' names: resampling follows it.
  std::map<std::string, double> by_name;
  for (const Record& r : made.records)
    if (r.part == "swapped") by_name[r.document] = r.loss;
  worth.clear();
  for (const auto& [name, value] : by_name) worth.push_back(value);
  EXPECT_EQ(far_use_table(made.data()).rows.at(0)[3].text, interval_text(bootstrap_interval(worth), true));
}

TEST(Continuation, SaysThatTwoMetricsAreOfTheCorpus) {
  MadeUp made;
  for (int d = 0; d < 3; ++d) {
    Record& r = made.add("continuation", "yarn", 16384, d);
    r.values = {{"bleu", 5}, {"chrf", 20}}, r.written = "a b", r.expected = "a c";
  }
  both_say(made.data(), "BLEU and chrF are of all documents");
  both_say(made.data(), "jackknife over documents");
}

}  // namespace
}  // namespace rw
