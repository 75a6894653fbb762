// SPDX-License-Identifier: Apache-2.0
/// What is made of continuations: scores of the whole corpus, differences from the truncated baseline.
#include <gtest/gtest.h>

#include <cmath>

#include "metrics/metrics.h"
#include "results/continuation_summary.h"
#include "results/tables.h"

namespace rw {
namespace {

Record record(const std::string& method, const std::string& document, double loss, const std::string& written,
              const std::string& expected) {
  Record r;
  r.task = "continuation", r.method = method, r.document = document, r.length = 16384;
  r.loss = loss, r.n_targets = 128, r.written = written, r.expected = expected;
  const Scores one = score(std::span(&written, 1), std::span(&expected, 1));
  r.values = {{"top1", loss / 10}, {"bleu", one.bleu}, {"chrf", one.chrf}};
  return r;
}

const std::vector<std::string> kExpected = {"the cat sat on the mat and slept",
                                            "a dog ran over the long bridge",
                                            "rain fell all day on the empty square"};

std::vector<Record> records() {
  std::vector<Record> list;
  for (std::size_t d = 0; d < 3; ++d) {
    const std::string name = std::to_string(d);
    list.push_back(record(kTruncated, name, 3.0 + static_cast<double>(d), "nothing like it", kExpected[d]));
    list.push_back(record("yarn", name, 2.5 + static_cast<double>(d),
                          d == 0 ? kExpected[0] : "a dog ran over it", kExpected[d]));
  }
  return list;
}

const ContinuationMetric& metric(const ContinuationCell& cell, const std::string& name) {
  for (const ContinuationMetric& m : cell.metrics)
    if (m.name == name) return m;
  throw std::runtime_error(name);
}

TEST(Continuation, BleuIsTheCorpusAndTheRestAreMeans) {
  const auto cells = summarise_continuation(records(), Units{});
  ASSERT_EQ(cells.size(), 2u);
  const ContinuationCell& yarn = cells[1];
  const std::vector<std::string> written = {kExpected[0], "a dog ran over it", "a dog ran over it"};
  const Scores corpus = score(written, kExpected);
  EXPECT_NEAR(metric(yarn, "bleu").value.mean, corpus.bleu, 1e-12);
  EXPECT_NEAR(metric(yarn, "chrf").value.mean, corpus.chrf, 1e-12);
  EXPECT_LT(*metric(yarn, "bleu").value.low, corpus.bleu);  // the documents differ
  EXPECT_GT(*metric(yarn, "bleu").value.high, corpus.bleu);
  EXPECT_NEAR(metric(yarn, "loss").value.mean, 3.5, 1e-12);
  EXPECT_TRUE(metric(yarn, "loss").value.low);
}

TEST(Continuation, DifferencesArePairedWithTheTruncatedBaseline) {
  auto list = records();
  list.push_back(record("yarn", "only here", 99, "x", "y"));  // no baseline: no part of the difference
  const auto cells = summarise_continuation(list, Units{});
  EXPECT_FALSE(metric(cells[0], "loss").versus_truncated);
  const Interval loss = *metric(cells[1], "loss").versus_truncated;
  EXPECT_NEAR(loss.mean, -0.5, 1e-12);
  EXPECT_EQ(loss.n, 3);
  EXPECT_NEAR(*loss.low, -0.5, 1e-9);
  const std::vector<std::string> none(3, "nothing like it"),
      written = {kExpected[0], "a dog ran over it", "a dog ran over it"};
  EXPECT_NEAR(metric(cells[1], "bleu").versus_truncated->mean,
              score(written, kExpected).bleu - score(none, kExpected).bleu, 1e-12);
}

TEST(Continuation, EachTextIsCutByItsOwnScript) {
  // As one set most words are Chinese, or English: a single choice would blind BLEU to the other half.
  const std::string chinese = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u6211\u4eec\u53bb\u516c\u56ed";
  const std::vector<Record> list = {record("yarn", "en", 1, kExpected[0], kExpected[0]),
                                    record("yarn", "zh", 1, chinese, chinese)};
  const auto cells = summarise_continuation(list, Units{});
  EXPECT_NEAR(metric(cells[0], "bleu").value.mean, 100, 1e-9);
  EXPECT_FALSE(metric(cells[0], "bleu").versus_truncated);
}

TEST(Continuation, RougeOfATextWithoutItsLettersIsNotZero) {
  const std::string russian =
      "\u043f\u043e\u0433\u043e\u0434\u0430 \u0441\u0435\u0433\u043e\u0434\u043d\u044f";
  std::vector<Record> list = {record("yarn", "ru", 1, russian, russian)};
  list[0].values.emplace_back("rougeL", 0);
  EXPECT_TRUE(std::isnan(metric(summarise_continuation(list, Units{})[0], "rougeL").value.mean));
  EXPECT_NE(other_tables(list, Units{}).find(" n/a "), std::string::npos);
  EXPECT_NE(other_tables(list, Units{}).find("ROUGE sees no word"), std::string::npos);
  list.push_back(record("yarn", "en", 1, kExpected[0], kExpected[0]));  // one that it can read counts alone
  list[1].values.emplace_back("rougeL", 0.75);
  EXPECT_EQ(metric(summarise_continuation(list, Units{})[0], "rougeL").value.mean, 0.75);
  EXPECT_EQ(other_tables(list, Units{}).find("ROUGE"), std::string::npos);
}

TEST(Continuation, StretchesOfSeveralTextsAreOneEach) {
  auto list = records();
  for (Record& r : list) r.document = r.document == "0" ? "a#1" : r.document == "1" ? "a#2" : "b";
  // Of five texts, three of which these records are not of.
  const auto cells = summarise_continuation(list, Units({"a#1", "a#2", "b", "c", "d", "e"}));
  EXPECT_EQ(metric(cells[1], "loss").value.n, 2);
  EXPECT_NEAR(metric(cells[1], "loss").value.mean, ((2.5 + 3.5) / 2 + 4.5) / 2, 1e-12);
  EXPECT_EQ(metric(cells[1], "bleu").value.n, 2);
}

TEST(Continuation, TheTerminalHas80Columns) {
  const std::string text = other_tables(records(), Units{});
  EXPECT_NE(text.find("from truncation"), std::string::npos);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    EXPECT_LE(end - at, 80u);
    at = end + 1;
  }
}

}  // namespace
}  // namespace rw
