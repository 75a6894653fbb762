// SPDX-License-Identifier: Apache-2.0
/// What a table says below itself, and when; names at its width; which rows are tested.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "results/summary.h"

namespace rw {
namespace {

std::string joined(const std::vector<SummaryCell>& cells) {
  std::string text;
  for (const std::string& line : legend_of(cells)) text += line + "\n";
  return text;
}

TEST(Legend, ExplainsOnlyWhatStands) {
  SummaryCell plain, open, starred, seen;
  plain.verdict.word = "stable";
  open.verdict = {.word = "inconclusive", .documents_needed = 1};
  starred.verdict = {.word = "inconclusive", .uncorrected = "degrades"};
  seen.verdict = {.word = "close", .seen_only = true};
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({plain, plain}), "");
  const auto has = [](const std::string& text, const char* what) { return text.find(what) != text.npos; };
  for (const auto& [cell, line] :
       {std::pair{open, "more would decide"}, {starred, "after the correction"}, {seen, "no verdict"}}) {
    for (const auto& cells : {std::vector{cell, plain}, {plain, cell}, {cell, cell}})
      EXPECT_TRUE(has(joined(cells), line)) << line;
    EXPECT_EQ(legend_of({plain, cell}).size(), 1u) << line;
  }
  EXPECT_EQ(legend_of({open, starred, seen}).size(), 3u);
}

Record tail(const std::string& method, Index length, int document, double loss) {
  Record r;
  r.task = "tail", r.method = r.resolved = method, r.document = "text" + std::to_string(document);
  r.length = length, r.n_targets = 256, r.loss = loss, r.seconds = 2;
  r.achieved = method == kTruncated ? std::min<Index>(length, 8192) : length;
  return r;
}

RunInfo run_info() {
  RunInfo run;
  run.n_ctx_train = 8192, run.tail = 256, run.margin = 0.02;
  return run;
}

/// The loss that no vocabulary changes stands beside it, in the table and for each row in JSON.
TEST(Table, SaysTheBitsPerByteOfTheReference) {
  std::vector<Record> list;
  for (int d = 0; d < 5; ++d) {
    list.push_back(tail("none", 8192, d, 3));
    list.back().values = {{"bits_per_byte", 1.1 + 0.1 * d}};
    list.push_back(tail(kTruncated, 8192, d, 3));
    list.push_back(tail("pi", 16384, d, 3.1));
  }
  const auto cells = summarise(list, units_of(list));
  const std::string table = summary_table(cells, run_info(), units_of(list));
  EXPECT_NE(table.find("bits per byte of the reference: 1.300 "), std::string::npos) << table;
  const Json rows = summary_json(cells, run_info(), units_of(list))["results"];
  EXPECT_NEAR(rows[0]["bits_per_byte"].get<double>(), 1.3, 1e-12);
  EXPECT_TRUE(rows[1]["bits_per_byte"].is_null());  // a file from before they were stored
}

/// What no loss was measured for is "-"; a loss that is none is said to be none, and is not "worse than
/// chance" where other rows of the run are.
TEST(Table, SaysWhichNumbersAreNone) {
  constexpr Index kVocab = 10;  // guessing evenly: 2.3 nats
  std::vector<Record> list;
  for (int d = 0; d < 5; ++d) {
    list.push_back(tail(kTruncated, 8192, d, 3));
    list.push_back(tail("bad", 16384, d, 4));
    list.push_back(tail("overflows", 16384, d, d == 2 ? std::nan("") : 4));
  }
  auto cells = summarise(list, units_of(list), 0.02, kVocab);
  std::map<std::string, const SummaryCell*> by_method;
  for (const SummaryCell& cell : cells) by_method[cell.method] = &cell;
  EXPECT_EQ(by_method.at("bad")->verdict.word, "not read");
  EXPECT_EQ(by_method.at("overflows")->verdict.word, "explodes");
  EXPECT_EQ(by_method.at("overflows")->verdict.note, "a loss is not finite");
  const std::string table = summary_table(cells, run_info(), units_of(list));
  EXPECT_NE(table.find("overflows                 none       none         no number  explodes"),
            std::string::npos)
      << table;
  for (Record& record : list)
    if (record.method == kTruncated && record.document == "text4") record.loss = std::nan("");
  for (const SummaryCell& cell : summarise(list, units_of(list), 0.02, kVocab))
    EXPECT_NE(cell.verdict.word, "not read") << "its reference is none: " << cell.method;
  std::erase_if(list, [](const Record& record) { return record.method == kTruncated; });  // of another shard
  const std::string lonely = summary_table(summarise(list, units_of(list)), run_info(), units_of(list));
  EXPECT_NE(lonely.find("  4.000       54.6                 -  "), std::string::npos) << lonely;
  EXPECT_EQ((table + lonely).find("nan"), std::string::npos);
}

/// A name of 22 letters stands in its row; one of 23 on a line of its own, whole.
TEST(Table, NamesStandInTheirRowWhileTheyFit) {
  const std::string fits(22, 'f'), long_one(23, 'l');
  std::vector<Record> list;
  for (int d = 0; d < 5; ++d) {
    list.push_back(tail(kTruncated, 8192, d, 3));
    list.push_back(tail(fits, 16384, d, 3.1 + 0.01 * d)),
        list.push_back(tail(long_one, 16384, d, 3.2 + 0.01 * d));
  }
  const std::string table = summary_table(summarise(list, units_of(list)), run_info(), units_of(list));
  EXPECT_NE(table.find("\n" + fits + "   "), std::string::npos) << table;
  EXPECT_NE(table.find("\n" + long_one + "\n                       "), std::string::npos) << table;
  EXPECT_NE(table.find("\n16k tokens"), std::string::npos) << table;
}

/// A row whose differences are all the same number but not zero is tested like any other; five texts suffice.
TEST(Tests, LeaveOutOnlyWhatEqualsTheReference) {
  std::vector<Record> list;
  for (int d = 0; d < 5; ++d) {
    list.push_back(tail(kTruncated, 8192, d, 3));
    list.push_back(tail("same", 16384, d, 3));
    list.push_back(tail("shifted", 16384, d, 3.25));              // deviation 0
    list.push_back(tail("level", 16384, d, 3 + 0.25 * (d - 2)));  // mean 0
  }
  for (const SummaryCell& cell : summarise(list, units_of(list))) {
    if (cell.method == "same") {
      EXPECT_FALSE(cell.evidence.degrades);
      EXPECT_EQ(cell.verdict.word, "equal");
    } else if (cell.method != kTruncated) {
      EXPECT_TRUE(cell.evidence.degrades) << cell.method;
      EXPECT_EQ(cell.evidence.rows, 2) << cell.method;
    }
  }
}

/// Tokens that were read by the seconds that they took, of all texts.
TEST(Cells, KnowTheirSpeed) {
  std::vector<Record> list;
  for (int d = 0; d < 3; ++d) {
    list.push_back(tail(kTruncated, 8192, d, 3));
    list.push_back(tail("yarn", 16384, d, 3)), list.back().seconds = d + 1;
    list.push_back(tail("idle", 16384, d, 3)), list.back().seconds = 0;
  }
  for (const SummaryCell& cell : summarise(list, units_of(list))) {
    const double expected = cell.method == "yarn" ? 3 * 16384 / 6.0 : cell.method == "idle" ? 0 : -1;
    if (cell.method != kTruncated) {
      EXPECT_NEAR(cell.tokens_per_second, expected, 1e-9) << cell.method;
    }
  }
}

/// The length that losses are compared with is the trained one, or the longest read where that is less.
TEST(ReferenceLength, IsTheTrainedOneOrTheLongestRead) {
  SummaryCell near, far;
  near.length = 4096, far.length = 16384;
  EXPECT_EQ(reference_length({near, far}, run_info()), 8192);
  EXPECT_EQ(reference_length({near}, run_info()), 4096);
  EXPECT_EQ(reference_length({}, run_info()), 0);
}

}  // namespace
}  // namespace rw
