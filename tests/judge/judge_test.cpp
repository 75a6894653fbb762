// SPDX-License-Identifier: Apache-2.0
/// Statistics, verdicts, records and the summary; the model itself is tested elsewhere.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>

#include "judge/runner.h"
#include "judge/summary.h"
#include "report/html.h"

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
  EXPECT_GT(open.more_documents, 5);
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
    r.length = length, r.achieved = length, r.n_targets = 256, r.loss = loss, r.seconds = 2;
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
  const std::string html = html_report(cells, records(), run, 4, {{"yarn", "<script>", "x", "y"}});
  RunInfo longer = run;
  longer.n_ctx_train = 1 << 20;  // never reached: the reference is plain RoPE at the greatest length
  EXPECT_NE(html_report(cells, records(), longer, 4, {}).find("plain RoPE at 16384 tokens"),
            std::string::npos);
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_EQ(html.find("<script>"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos);  // opens without a network
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
