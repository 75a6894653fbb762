// SPDX-License-Identifier: Apache-2.0
/// Records of the tail task, paired, grouped by text, and judged; the same in the terminal and as JSON.
#include "results/summary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rw {
namespace {

Record tail(const std::string& method, Index length, const std::string& document, double loss) {
  Record r;
  r.task = "tail", r.method = r.resolved = method, r.document = document;
  r.length = length, r.n_targets = 256, r.loss = loss, r.seconds = 2;
  r.achieved = method == kTruncated ? std::min<Index>(length, 8192) : length;
  return r;
}

std::vector<Record> records(int n = 5) {
  std::vector<Record> list;
  for (int d = 0; d < n; ++d) {
    const std::string name = "text" + std::to_string(d);
    const double base = 3 + 0.3 * d;
    list.push_back(tail(kTruncated, 8192, name, base));
    list.push_back(tail(kTruncated, 16384, name, base));
    list.push_back(tail(kShort, 0, name, base + 0.5));
    list.push_back(tail(kPlain, 4096, name, base + 0.1));
    list.push_back(tail(kPlain, 8192, name, base));
    list.push_back(tail(kPlain, 16384, name, base + 4 + 0.01 * d));
    list.push_back(tail("yarn", 4096, name, base + 0.1));
    list.push_back(tail("yarn", 8192, name, base));
    list.push_back(tail("yarn", 16384, name, base - 0.05 + 0.001 * d));
    list.push_back(tail("<b>", 16384, name, std::nan("")));
  }
  return list;
}
std::vector<SummaryCell> summary(const std::vector<Record>& list) { return summarise(list, units_of(list)); }

const SummaryCell& cell(const std::vector<SummaryCell>& cells, const std::string& method, Index length) {
  for (const SummaryCell& c : cells)
    if (c.method == method && c.length == length) return c;
  throw std::runtime_error(method + " is absent");
}

RunInfo run_info() {
  RunInfo run;
  run.n_ctx_train = 8192, run.tail = 256, run.margin = 0.02;
  return run;
}

void expect_80_columns(const std::string& table) {
  for (std::size_t begin = 0, end; begin < table.size(); begin = end + 1) {
    end = table.find('\n', begin);
    EXPECT_LE(end - begin, 80u) << table.substr(begin, end - begin);
  }
}

TEST(Summary, PairsByDocumentAndJudges) {
  const auto cells = summary(records());
  const auto word = [&](const std::string& method, Index length) {
    return cell(cells, method, length).verdict.word;
  };
  EXPECT_EQ(word("yarn", 16384), "improves");
  EXPECT_EQ(word("yarn", 8192), "equal");
  EXPECT_EQ(word(kPlain, 16384), "explodes");
  EXPECT_EQ(word("<b>", 16384), "explodes");
  EXPECT_EQ(cell(cells, "<b>", 16384).verdict.note, "a loss is not finite");
  // The reference, and lengths below it, are not judged, in any format.
  EXPECT_EQ(word(kTruncated, 16384), "reference");
  EXPECT_EQ(word(kPlain, 8192), "reference");
  EXPECT_EQ(word(kPlain, 4096), "less read");
  EXPECT_EQ(word("yarn", 4096), "less read");
  const std::string table = summary_table(cells, run_info(), units_of(records()));
  EXPECT_NE(table.find("less read"), std::string::npos);
  EXPECT_NE(table.find("of 5 texts"), std::string::npos);
  expect_80_columns(table);
}

TEST(Summary, OnFourTextsNothingIsClaimed) {
  for (int n : {1, 2, 3, 4}) {
    const auto list = records(n);
    const auto cells = summary(list);
    EXPECT_EQ(cell(cells, "yarn", 16384).verdict.shown(), "~better") << n;
    EXPECT_EQ(cell(cells, kPlain, 16384).verdict.shown(), "~worse") << n;
    EXPECT_EQ(cell(cells, "yarn", 16384).evidence.improves, std::nullopt) << n;
    EXPECT_EQ(cell(cells, "<b>", 16384).verdict.word, "explodes") << n;  // not a number is no estimate
    const std::string table = summary_table(cells, run_info(), units_of(list));
    EXPECT_NE(table.find("~: no verdict on fewer than 5; the mean"), std::string::npos) << table;
    EXPECT_EQ(table.find("stable:"), std::string::npos);
    expect_80_columns(table);
  }
}

/// Of fewer than five texts the stretch is the unit, and the claim is about these texts; of five it is the
/// text.
TEST(Summary, StretchesOfFewTextsSpeakForThem) {
  std::vector<Record> list = records(6);
  const auto name = [&](const char* format) {
    for (Record& r : list) {
      const int d = r.document.back() - '0';
      r.document = std::string(format) == "one" ? "novel#" + std::to_string(d)
                                                : (d < 3 ? "a#" : "b#") + std::to_string(d);
    }
  };
  name("one");
  EXPECT_EQ(units_of(list).scope(), "6 stretches of 1 text");
  EXPECT_EQ(cell(summary(list), "yarn", 16384).difference.n, 6);
  EXPECT_EQ(cell(summary(list), "yarn", 16384).verdict.word, "improves");
  list = records(6);
  name("two");
  EXPECT_EQ(units_of(list).scope(), "6 stretches of 2 texts");
  const SummaryCell two = cell(summary(list), "yarn", 16384);
  EXPECT_EQ(two.difference.n, 6);
  EXPECT_EQ(two.verdict.word, "improves");
  EXPECT_EQ(units_of(list).only(), "these 2 texts");
}

TEST(Summary, TextsThatClusterHaveTheIntervalOfTheirTexts) {
  // Six texts of four stretches; inside a text the difference is the same, so that 24 are worth no more
  // than 6.
  std::vector<Record> list;
  const double of_text[] = {0.03, -0.02, 0.05, -0.04, 0.01, -0.03};
  std::vector<double> means;
  for (int t = 0; t < 6; ++t) {
    means.push_back(of_text[t]);
    for (int s = 1; s <= 4; ++s) {
      const std::string name = "t" + std::to_string(t) + "#" + std::to_string(s);
      list.push_back(tail(kTruncated, 8192, name, 3 + s));
      list.push_back(tail("yarn", 16384, name, 3 + s + of_text[t]));
    }
  }
  const Interval ours = cell(summary(list), "yarn", 16384).difference, theirs = t_interval(means);
  EXPECT_EQ(ours.n, 6);
  EXPECT_NEAR(*ours.low, *theirs.low, 1e-12);
  EXPECT_NEAR(*ours.high, *theirs.high, 1e-12);
}

TEST(Units, KnowAStretchByItsNumber) {
  EXPECT_EQ(text_of("novel.txt#12"), "novel.txt");
  EXPECT_EQ(text_of("c#.txt"), "c#.txt");
  EXPECT_EQ(text_of("notes#"), "notes#");
  EXPECT_EQ(text_of("#3"), "#3");
  EXPECT_EQ(Units({"a#1"}).scope(), "1 text");
  EXPECT_EQ(Units({"a", "b"}).scope(), "2 texts");
  EXPECT_EQ(Units({"a#1", "a#2", "b#1"}).n(), 3u);
  EXPECT_EQ(Units({"a#1", "a#2", "b#1"}).count(1), "1 stretch");
  EXPECT_EQ(Units({"a#1", "a#2"}).only(), "this text");
  const Units five({"a#1", "a#2", "b#1", "c#1", "d#1", "e#1"});
  EXPECT_EQ(five.n(), 5u);
  EXPECT_EQ(five.only(), "");
  EXPECT_EQ(five.count(12), "12 texts");
}

TEST(Summary, PairsWithBothBaselinesOfTheSameLength) {
  const auto cells = summary(records());
  const SummaryCell& yarn = cell(cells, "yarn", 16384);
  EXPECT_NEAR(yarn.versus_truncated->mean, -0.05 + 0.002, 1e-12);
  EXPECT_NEAR(yarn.versus_plain->mean, -4.05 + 0.002 - 0.02, 1e-12);
  EXPECT_NEAR(cell(cells, kPlain, 16384).versus_plain->mean, 0, 1e-12);
  EXPECT_TRUE(std::isnan(cell(cells, "<b>", 16384).versus_plain->mean));
  // Tested: plain and yarn at 16k. Not: the reference, what equals it, what reads less, what is not a number.
  EXPECT_EQ(yarn.evidence.rows, 2);
  EXPECT_TRUE(yarn.evidence.improves);
  for (const auto& [method, length] :
       {std::pair{"yarn", 8192}, {"yarn", 4096}, {"none", 8192}, {"none (truncated)", 16384}, {"<b>", 16384}})
    EXPECT_FALSE(cell(cells, method, length).evidence.improves) << method << length;
  auto without = records();  // a baseline that was not run
  std::erase_if(without, [](const Record& r) { return r.method == kPlain; });
  EXPECT_FALSE(cell(summary(without), "yarn", 16384).versus_plain);
}

TEST(Summary, JsonHasBaselinesTestsAndReach) {
  const Json json = summary_json(summary(records()), run_info(), units_of(records()));
  EXPECT_EQ(json["interval_by"], "t");
  EXPECT_EQ(json["n_texts"], 5);
  for (const Json& row : json["results"]) {
    if (row["length"] == 4096) {
      EXPECT_EQ(row["verdict"], "less read");
    }
    if (row["method"] != "yarn" || row["length"] != 16384) continue;
    EXPECT_NEAR(row["versus_truncated"]["difference"].get<double>(), -0.048, 1e-12);
    EXPECT_LT(row["versus_plain"]["interval"][1].get<double>(), -4);
    EXPECT_LE(row["p_improves"].get<double>(), kClaimLevel);
    EXPECT_EQ(row["verdict"], "improves");
  }
  const Json reach = json["reach"];
  ASSERT_EQ(reach.size(), 3u);  // none, yarn, <b>; the reference gets no verdict
  EXPECT_EQ(reach[0]["method"], kPlain);
  EXPECT_EQ(reach[0]["breaks_at"], 16384);
  EXPECT_EQ(reach[0]["holds_to"], 8192);
  EXPECT_EQ(reach[1]["holds_to"], 16384);
  EXPECT_TRUE(reach[1]["breaks_at"].is_null());
}

TEST(Summary, FilesOfShorterRunsKeepTheReference) {
  std::vector<Record> merged = records();
  Record shorter = merged.front();  // a run to 4,096 tokens: its truncated baseline cuts nothing
  shorter.method = kTruncated, shorter.length = shorter.achieved = 4096, shorter.loss = 9;
  merged.push_back(shorter);
  shorter.method = "window";
  merged.push_back(shorter);
  const auto cells = summary(merged);
  EXPECT_NEAR(cell(cells, "window", 4096).difference.mean, 9 - 3, 1e-12);
  EXPECT_EQ(cell(cells, "yarn", 16384).difference.mean,
            cell(summary(records()), "yarn", 16384).difference.mean);
  for (const SummaryCell& c : cells) EXPECT_FALSE(c.method == kTruncated && c.length == 4096);
}

TEST(Summary, ManyRowsMakeAClaimHarderAndSaySo) {
  // Alone this row degrades; one such row among twenty is what chance makes of noise.
  std::vector<Record> list;
  const double noise[] = {0.045, 0.055, 0.050, 0.060, 0.044};
  for (int d = 0; d < 5; ++d) {
    const std::string name = std::to_string(d);
    list.push_back(tail(kTruncated, 8192, name, 3)), list.push_back(tail(kShort, 0, name, 4));
    list.push_back(tail("one", 16384, name, 3 + noise[d]));
  }
  EXPECT_EQ(summary(list)[0].verdict.word, "degrades");
  for (int other = 0; other < 19; ++other)
    for (int d = 0; d < 5; ++d)
      list.push_back(tail("m" + std::to_string(other), 16384, std::to_string(d),
                          3 + 0.05 * ((d + other) % 5 - 2) + 0.001 * other));
  const auto cells = summary(list);
  EXPECT_EQ(cell(cells, "one", 16384).verdict.shown(), "inconclusive*");
  EXPECT_EQ(cell(cells, "one", 16384).evidence.rows, 20);
  const std::string table = summary_table(cells, run_info(), units_of(list));
  EXPECT_NE(table.find("inconclusive* +"), std::string::npos) << table;
  EXPECT_NE(table.find("not after the correction"), std::string::npos) << table;
  EXPECT_NE(table.find("more would decide"), std::string::npos) << table;
  expect_80_columns(table);
}

/// A trained length that the tail and its 64 tokens fill: "worse than no context" would be any loss above the
/// reference. So it was in files of older versions, and every row that degrades exploded.
TEST(Summary, NothingExplodesAgainstTruncationItself) {
  const double noise[] = {0.050, 0.051, 0.052, 0.049, 0.048};
  const auto word = [&](Index trained, double short_loss, double more) {
    std::vector<Record> list;
    for (int d = 0; d < 5; ++d) {
      const std::string name = std::to_string(d);
      list.push_back(tail(kTruncated, trained, name, 3)), list.push_back(tail(kShort, 0, name, short_loss));
      list.back().achieved = 128;
      list.push_back(tail("one", 2 * trained, name, 3 + more + noise[d]));
    }
    return cell(summary(list), "one", 2 * trained).verdict.word;
  };
  EXPECT_EQ(word(128, 3, 0), "degrades");
  EXPECT_EQ(word(191, 3, 0), "degrades");
  EXPECT_EQ(word(192, 3, 0), "explodes");  // worse than half of what truncation has before the tail
  EXPECT_EQ(word(128, 3, 0.7), "explodes");
}

TEST(Summary, ALengthThatNoMethodHasReadYetIsNotThere) {
  std::vector<Record> list = records();
  for (int d = 0; d < 5; ++d)
    list.push_back(tail(kTruncated, 32768, "text" + std::to_string(d), 3 + 0.3 * d));
  EXPECT_EQ(summary(list).back().length, 16384);
}

TEST(Summary, RowsKeepTheirOrderFromLengthToLength) {
  std::vector<Record> list = records();
  for (int d = 0; d < 5; ++d) list.insert(list.begin(), tail("late", 16384, "text" + std::to_string(d), 3));
  std::vector<std::string> at_8k, at_16k;
  for (int d = 0; d < 5; ++d) list.push_back(tail("late", 8192, "text" + std::to_string(d), 3));
  for (const SummaryCell& c : summary(list)) {
    if (c.method == "<b>" || c.method == kTruncated) continue;
    if (c.length == 8192) at_8k.push_back(c.method);
    if (c.length == 16384) at_16k.push_back(c.method);
  }
  EXPECT_EQ(at_8k, at_16k);
}

}  // namespace
}  // namespace rw
