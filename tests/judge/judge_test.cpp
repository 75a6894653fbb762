// SPDX-License-Identifier: Apache-2.0
/// Statistics, verdicts, records and the summary; the model itself is tested elsewhere.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>

#include "judge/runner.h"
#include "results/summary.h"

namespace ropewalk {
namespace {

TEST(Statistics, QuantilesOfStudent) {
  EXPECT_NEAR(t_quantile(0.95, 1), 12.7062, 1e-3);
  EXPECT_NEAR(t_quantile(0.95, 2), 4.30265, 1e-4);
  EXPECT_NEAR(t_quantile(0.95, 9), 2.26216, 1e-4);
  EXPECT_NEAR(t_quantile(0.99, 29), 2.75639, 1e-4);
}

TEST(Statistics, TheIntervalCoversItsShare) {
  std::mt19937 generator(1);
  std::normal_distribution<double> normal(0.3, 1);
  int covered = 0;
  for (int run = 0; run < 4000; ++run) {
    std::vector<double> values;
    for (int d = 0; d < 6; ++d) values.push_back(normal(generator));
    const Interval i = t_interval(values);
    covered += *i.low <= 0.3 && 0.3 <= *i.high;
  }
  EXPECT_NEAR(covered / 4000.0, 0.95, 0.02);
  EXPECT_FALSE(t_interval({1.0, 2.0}).low);
}

TEST(Statistics, DocumentsNeededIsTheFirstThatDoes) {
  for (double half : {0.01, 0.02, 0.1}) {
    const int n = documents_needed(0.03, half);
    auto reached = [&](int m) { return t_quantile(0.95, m - 1) * 0.03 / std::sqrt(double(m)); };
    EXPECT_LE(reached(n), half);
    if (n > 2) {
      EXPECT_GT(reached(n - 1), half);
    }
  }
  EXPECT_EQ(documents_needed(0.3, 0.001), kManyDocuments);
}

Interval interval(double low, double high) { return {(low + high) / 2, low, high, 0.1, 5}; }

TEST(Verdict, FollowsTheRulesInOrder) {
  const Interval better = interval(-1, -0.5);  // than 64 tokens of context
  EXPECT_EQ(judge(interval(-0.01, 0.01), better, true).word, "stable");
  EXPECT_EQ(judge(interval(-0.2, -0.03), better, true).word, "improves");
  EXPECT_EQ(judge(interval(0.03, 0.2), better, true).word, "degrades");
  EXPECT_EQ(judge(interval(0.7, 0.9), better, true).word, "explodes");
  EXPECT_EQ(judge(interval(0.03, 0.2), interval(0.01, 0.2), true).word, "explodes");
  EXPECT_EQ(judge(interval(-0.01, 0.01), better, false).word, "explodes");
  const Verdict open = judge(interval(-0.1, 0.1), better, true);
  EXPECT_EQ(open.word, "inconclusive");
  EXPECT_GT(open.documents_needed, 5);
  EXPECT_EQ(open.more_documents, open.documents_needed - 5);  // 5 are there
  // A reference that is not a number says nothing of the method.
  EXPECT_EQ(judge({std::nan(""), std::nan(""), std::nan(""), std::nan(""), 5}, better, true).word,
            "inconclusive");
  EXPECT_EQ(judge({0.5, {}, {}, 0, 1}, {-1, {}, {}, 0, 1}, true).shown(), "~degrades");
}

std::vector<Record> records() {
  std::vector<Record> list;
  auto add = [&](const std::string& method, Index length, const std::string& document, double loss) {
    Record r;
    r.task = "tail", r.method = r.resolved = method, r.document = document;
    r.length = length, r.n_targets = 256, r.loss = loss, r.seconds = 2;
    r.achieved = method == kTruncated ? std::min<Index>(length, 8192) : length;
    list.push_back(r);
  };
  for (int d = 0; d < 4; ++d) {
    const std::string name = "text#" + std::to_string(d);
    const double base = 3 + 0.3 * d;
    add(kTruncated, 8192, name, base);
    add(kTruncated, 16384, name, base);
    add(kShort, 0, name, base + 0.5);
    add(kPlain, 8192, name, base);
    add(kPlain, 16384, name, base + 4 + 0.01 * d);
    add("yarn", 8192, name, base);
    add("yarn", 16384, name, base - 0.05 + 0.001 * d);
    add("<b>", 16384, name, std::nan(""));
  }
  return list;
}

TEST(Summary, PairsByDocumentAndJudges) {
  const auto cells = summarise(records());
  auto word = [&](const std::string& method, Index length) {
    for (const SummaryCell& c : cells)
      if (c.method == method && c.length == length) return c.verdict.word;
    return std::string("absent");
  };
  EXPECT_EQ(word("yarn", 16384), "improves");
  EXPECT_EQ(word(kPlain, 8192), "stable");
  EXPECT_EQ(word(kPlain, 16384), "explodes");
  EXPECT_EQ(word("<b>", 16384), "explodes");
  EXPECT_EQ(word(kTruncated, 16384), "stable");
  RunInfo run;
  run.n_ctx_train = 8192, run.tail = 256;
  const std::string table = summary_table(cells, run, 4);
  for (std::size_t begin = 0; begin < table.size();) {
    const std::size_t end = table.find('\n', begin);
    EXPECT_LE(end - begin, 80u) << table.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(Verdict, AClaimHasToSurviveTheCorrection) {
  const Interval better = interval(-1, -0.5), worse = interval(0.03, 0.2), good = interval(-0.015, -0.005);
  EXPECT_EQ(judge(worse, better, true, 0.02, {.beyond = 0.04, .nonzero = {}, .equivalent = {}}).word,
            "degrades");
  const Verdict lost =
      judge(worse, better, true, 0.02, {.beyond = 0.06, .nonzero = {}, .equivalent = {}, .rows = 14});
  EXPECT_EQ(lost.shown(), "inconclusive*");
  EXPECT_EQ(lost.uncorrected, "degrades");
  EXPECT_GT(lost.documents_needed, judge(worse, better, true, 0.02, {.beyond = 0.06}).documents_needed);
  // Doubled perplexity needs no correction: no chance of 14 makes that.
  EXPECT_EQ(judge(interval(0.7, 0.9), better, true, 0.02, {.beyond = 1.0}).word, "explodes");
  EXPECT_EQ(judge(good, better, true, 0.02, {.equivalent = 0.03}).word, "inconclusive");
  EXPECT_EQ(judge(good, better, true, 0.02, {.nonzero = 0.2, .equivalent = 0.02}).note, "");
  EXPECT_EQ(judge(good, better, true, 0.02, {.nonzero = 0.02, .equivalent = 0.02}).note, "slightly better");
}

TEST(Verdict, DocumentsNeededIsWithinReachAndNeverWhatIsThere) {
  Interval difference = interval(-0.01, 0.05);  // mean 0.02: on the border itself, no number would do
  EXPECT_EQ(judge(difference, interval(-1, -0.5), true).documents_needed, kManyDocuments);
  difference = {0, -0.03, 0.03, 1e-6, 8};  // the deviation says that 3 would do, but 8 did not
  EXPECT_EQ(judge(difference, interval(-1, -0.5), true).documents_needed, 9);
  EXPECT_EQ(judge(difference, interval(-1, -0.5), true).more_documents, 1);
  difference.deviation = HUGE_VAL;  // losses near the end of what a double holds
  EXPECT_EQ(judge(difference, interval(-1, -0.5), true).documents_needed, kManyDocuments);
  difference.n = 20000;
  EXPECT_EQ(judge(difference, interval(-1, -0.5), true).more_documents, 1);
}

const SummaryCell& cell(const std::vector<SummaryCell>& cells, const std::string& method, Index length) {
  for (const SummaryCell& c : cells)
    if (c.method == method && c.length == length) return c;
  throw std::runtime_error(method + " is absent");
}

TEST(Summary, PairsWithBothBaselinesOfTheSameLength) {
  const auto cells = summarise(records());
  const SummaryCell& yarn = cell(cells, "yarn", 16384);
  EXPECT_NEAR(yarn.versus_truncated->mean, -0.05 + 0.0015, 1e-12);
  EXPECT_NEAR(yarn.versus_plain->mean, -4.05 + 0.001 * 1.5 - 0.01 * 1.5, 1e-12);
  EXPECT_NEAR(cell(cells, kPlain, 16384).versus_plain->mean, 0, 1e-12);
  EXPECT_TRUE(std::isnan(cell(cells, "<b>", 16384).versus_plain->mean));
  // Tested: plain and yarn at 16k. Not: truncation, what equals the reference, what is not a number.
  EXPECT_EQ(yarn.evidence.rows, 2);
  EXPECT_TRUE(yarn.evidence.beyond);
  EXPECT_FALSE(cell(cells, "yarn", 8192).evidence.beyond);
  EXPECT_FALSE(cell(cells, kTruncated, 16384).evidence.beyond);
  EXPECT_FALSE(cell(cells, "<b>", 16384).evidence.beyond);
  auto without = records();  // a baseline that was not run
  std::erase_if(without, [](const Record& r) { return r.method == kPlain; });
  EXPECT_FALSE(cell(summarise(without), "yarn", 16384).versus_plain);
}

TEST(Summary, JsonHasBaselinesTestsAndReach) {
  RunInfo run;
  run.n_ctx_train = 8192, run.margin = 0.02;
  const Json json = summary_json(summarise(records()), run, 4);
  EXPECT_EQ(json["interval_by"], "t");
  for (const Json& row : json["results"]) {
    if (row["method"] != "yarn" || row["length"] != 16384) continue;
    EXPECT_NEAR(row["versus_truncated"]["difference"].get<double>(), -0.0485, 1e-12);
    EXPECT_LT(row["versus_plain"]["interval"][1].get<double>(), -4);
    EXPECT_LE(row["p_beyond_margin"].get<double>(), 0.05);
  }
  const Json reach = json["reach"];
  ASSERT_EQ(reach.size(), 4u);  // none, yarn, <b>, none (truncated)
  EXPECT_EQ(reach[0]["method"], kPlain);
  EXPECT_EQ(reach[0]["breaks_at"], 16384);
  EXPECT_EQ(reach[0]["stable_to"], 8192);
  EXPECT_EQ(reach[1]["stable_to"], 16384);
  EXPECT_TRUE(reach[1]["breaks_at"].is_null());
}

TEST(Summary, FilesOfShorterRunsKeepTheReference) {
  std::vector<Record> merged = records();
  Record shorter = merged.front();  // a run to 4,096 tokens: its truncated baseline cuts nothing
  shorter.method = kTruncated, shorter.length = shorter.achieved = 4096, shorter.loss = 9;
  merged.push_back(shorter);
  shorter.method = "window";
  merged.push_back(shorter);
  const auto cells = summarise(merged);
  EXPECT_NEAR(cell(cells, "window", 4096).difference.mean, 9 - 3, 1e-12);
  EXPECT_EQ(cell(cells, "yarn", 16384).difference.mean,
            cell(summarise(records()), "yarn", 16384).difference.mean);
  for (const SummaryCell& c : cells) EXPECT_FALSE(c.method == kTruncated && c.length == 4096);
}

TEST(Summary, ManyRowsMakeAClaimHarderAndSaySo) {
  // Alone this row degrades; one such row among twenty is what chance makes of noise.
  std::vector<Record> list;
  const double noise[] = {0.030, 0.055, 0.045, 0.060, 0.024};
  auto add = [&](const std::string& method, Index length, int d, double loss) {
    Record r;
    r.task = "tail";
    r.method = r.resolved = method, r.document = std::to_string(d), r.length = length, r.loss = loss;
    r.achieved = length;
    list.push_back(r);
  };
  for (int d = 0; d < 5; ++d) {
    add(kTruncated, 8192, d, 3), add(kShort, 0, d, 4);
    add("one", 16384, d, 3 + noise[d]);
  }
  EXPECT_EQ(summarise(list)[0].verdict.word, "degrades");
  for (int other = 0; other < 19; ++other)
    for (int d = 0; d < 5; ++d)
      add("m" + std::to_string(other), 16384, d, 3 + 0.05 * ((d + other) % 5 - 2) + 0.001 * other);
  const auto cells = summarise(list);
  EXPECT_EQ(cell(cells, "one", 16384).verdict.shown(), "inconclusive*");
  EXPECT_EQ(cell(cells, "one", 16384).evidence.rows, 20);
  RunInfo run;
  run.n_ctx_train = 8192, run.tail = 256, run.margin = 0.02;
  const std::string table = summary_table(cells, run, 5);
  EXPECT_NE(table.find("inconclusive*"), std::string::npos) << table;
  EXPECT_NE(table.find("Holm"), std::string::npos) << table;
  EXPECT_NE(table.find(" further documents would decide"), std::string::npos) << table;
  for (std::size_t begin = 0, end; begin < table.size(); begin = end + 1) {
    end = table.find('\n', begin);
    EXPECT_LE(end - begin, 80u) << table.substr(begin, end - begin);
  }
}

TEST(Documents, AreDisjointAndLongEnough) {
  std::vector<Token> tokens(1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i);
  const auto documents = split_document("text", tokens, {7}, 3, 300);
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[1].tokens.front(), 333);
  EXPECT_THROW(split_document("text", tokens, {}, 4, 300), Error);
  const auto context = context_before(documents[0], 333, 10);
  ASSERT_EQ(context.size(), 10u);
  EXPECT_EQ(context.front(), 7);  // BOS counts
  EXPECT_EQ(context.back(), 332);
}

TEST(Verdict, SaysWhenStableIsSlightlyMore) {
  const Interval better = interval(-1, -0.5);
  EXPECT_EQ(judge(interval(-0.015, -0.005), better, true).note, "slightly better");
  EXPECT_EQ(judge(interval(0.005, 0.015), better, true).note, "slightly worse");
  EXPECT_EQ(judge(interval(-0.005, 0.015), better, true).note, "");
  EXPECT_EQ(judge(interval(0.03, 0.2), better, true, 0.5).word, "stable");  // the user's own margin
}

}  // namespace
}  // namespace ropewalk
