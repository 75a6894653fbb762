// SPDX-License-Identifier: Apache-2.0
/// The rules of a verdict, one by one.
#include "results/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rw {
namespace {

Interval interval(double low, double high) { return {(low + high) / 2, low, high, 0.1, 5}; }
const Interval kBetter = interval(-1, -0.5);  // than 64 tokens of context

/// Tests that agree with every interval.
Evidence sure() {
  return {.degrades = 0, .not_worse = 0, .not_better = 0, .improves = 0, .better = 0, .worse = 0};
}
Verdict judged(const Interval& difference, const Interval& versus_short = kBetter, double margin = 0.02) {
  return judge(difference, versus_short, true, margin, sure());
}

TEST(Verdict, FollowsTheRulesInOrder) {
  EXPECT_EQ(judged(interval(-0.01, 0.01)).word, "stable");
  EXPECT_EQ(judged(interval(-0.2, -0.03)).word, "improves");
  EXPECT_EQ(judged(interval(-0.05, 0.01)).word, "not worse");
  EXPECT_EQ(judged(interval(0.03, 0.2)).word, "degrades");
  EXPECT_EQ(judged(interval(0.7, 0.9)).word, "explodes");
  EXPECT_EQ(judged(interval(-0.1, 0.1)).word, "inconclusive");
  EXPECT_EQ(judged({0, 0, 0, 0, 5}).word, "equal");
  for (const auto& [difference, holds] : {std::pair{interval(-0.01, 0.01), true},
                                          {interval(-0.2, -0.03), true},
                                          {interval(-0.05, 0.01), true},
                                          {interval(0.03, 0.2), false},
                                          {interval(0.7, 0.9), false},
                                          {interval(-0.1, 0.1), false},
                                          {Interval{0, 0, 0, 0, 5}, true}})
    EXPECT_EQ(judged(difference).holds, holds) << difference.mean;
  // A reference that is not a number says nothing of the method; a loss that is none says all.
  const double nan = std::nan("");
  EXPECT_EQ(judged({nan, nan, nan, nan, 5}).word, "inconclusive");
  const Verdict none = judge(interval(-0.01, 0.01), kBetter, false, 0.02, sure());
  EXPECT_EQ(none.shown(), "explodes (a loss is not finite)");
  EXPECT_EQ(judge({nan, {}, {}, 0, 1}, kBetter, false).word, "explodes");  // on one text too: no estimate
}

/// "Worse than no context" needs the margin twice, or truncation itself would explode where far text is worth
/// nothing.
TEST(Verdict, WorseThanNoContextHasAMarginToo) {
  EXPECT_EQ(judged(interval(0.03, 0.2), interval(0.03, 0.2)).word, "explodes");
  EXPECT_EQ(judged(interval(0.03, 0.2), interval(0.01, 0.2)).word, "degrades");
  EXPECT_EQ(judged(interval(-0.001, 0.001), interval(0.001, 0.003)).word, "stable");
  EXPECT_EQ(judged(interval(-0.01, 0.01), interval(0.03, 0.2)).word,
            "stable");  // not worse than the reference
}

/// An interval that ends on the margin, or on a doubled perplexity, has not come free of it.
TEST(Verdict, TheBorderItselfBelongsToNeither) {
  const double margin = 0.02;
  EXPECT_EQ(judged(interval(margin, 0.2)).word, "inconclusive");
  EXPECT_EQ(judged(interval(-0.2, -margin)).word, "not worse");
  EXPECT_EQ(judged(interval(-0.1, margin)).word, "inconclusive");
  EXPECT_EQ(judged(interval(-margin, 0.01)).word, "not worse");
  EXPECT_EQ(judged(interval(std::log(2.0), 0.9)).word, "degrades");
  EXPECT_EQ(judged(interval(margin, 0.2), interval(0.03, 0.2)).word, "inconclusive");
  EXPECT_EQ(judged(interval(0.03, 0.2), interval(margin, 0.2)).word, "degrades");
  EXPECT_EQ(judged(interval(0, 0.015)).note, "");
  EXPECT_EQ(judged(interval(-0.015, 0)).note, "");
  for (const auto& [mean, word] : {std::pair{margin, "close"}, {-margin, "close"}})
    EXPECT_EQ(judged({mean, {}, {}, 0.001, 2}).word, word) << mean;
}

/// What the user allows does not explode.
TEST(Verdict, AMarginAboveADoubledPerplexityMovesTheBorder) {
  EXPECT_EQ(judged(interval(1, 3), interval(-1, 3), 10).word, "stable");
  EXPECT_EQ(judged(interval(1, 3), interval(0.5, 3), 10).word, "stable");
  EXPECT_EQ(judged(interval(11, 13), kBetter, 10).word, "explodes");
  EXPECT_EQ(judged(interval(9, 11), kBetter, 10).word, "inconclusive");
  EXPECT_EQ(judged(interval(0.6, 0.9), kBetter, 0.5).word, "degrades");
  EXPECT_EQ(judged(interval(0.7, 0.9), kBetter, 0.5).word, "explodes");
}

TEST(Verdict, FewerThanFiveGetNone) {
  for (const auto& [mean, word] :
       {std::pair{0.013, "~close"}, {-0.3, "~better"}, {0.5, "~worse"}, {4.0, "~worse"}})
    for (int n : {1, 2, 3, 4}) {
      Interval few{mean, {}, {}, 0.001, n};
      if (n >= 3) few.low = mean - 0.002, few.high = mean + 0.002;
      const Verdict v = judge(few, kBetter, true, 0.02, sure());
      EXPECT_EQ(v.shown(), word) << n;
      EXPECT_FALSE(v.judged() || v.holds) << n;
      EXPECT_EQ(v.documents_needed, 0) << n;
    }
}

TEST(Verdict, EveryWordHasToSurviveItsTest) {
  const struct {
    Interval difference;
    std::optional<double> Evidence::*p;
    const char* word;
    const char* without;
  } cases[] = {{interval(0.03, 0.2), &Evidence::degrades, "degrades", "inconclusive*"},
               {interval(-0.2, -0.03), &Evidence::improves, "improves", "not worse (better)"},
               {interval(-0.01, 0.01), &Evidence::not_worse, "stable", "inconclusive*"},
               {interval(-0.01, 0.01), &Evidence::not_better, "stable", "not worse"},
               {interval(-0.05, 0.01), &Evidence::not_worse, "not worse", "inconclusive*"}};
  for (const auto& c : cases) {
    Evidence evidence = sure();
    evidence.*c.p = kClaimLevel;
    EXPECT_EQ(judge(c.difference, kBetter, true, 0.02, evidence).shown(), c.word);
    evidence.*c.p = kClaimLevel + 1e-6;
    EXPECT_EQ(judge(c.difference, kBetter, true, 0.02, evidence).shown(), c.without) << c.word;
    evidence.*c.p = std::nullopt;  // what was not tested was not shown
    EXPECT_EQ(judge(c.difference, kBetter, true, 0.02, evidence).shown(), c.without) << c.word;
  }
  // Doubled perplexity needs no test: no chance makes that.
  EXPECT_EQ(judge(interval(0.7, 0.9), kBetter, true, 0.02, {}).word, "explodes");
}

TEST(Verdict, SaysWhenADifferenceFromZeroWasShownBesides) {
  EXPECT_EQ(judged(interval(-0.015, -0.005)).shown(), "stable (better)");
  EXPECT_EQ(judged(interval(0.005, 0.015)).shown(), "stable (worse)");
  EXPECT_EQ(judged(interval(-0.005, 0.015)).note, "");
  EXPECT_EQ(judged(interval(-0.05, -0.01)).shown(), "not worse (better)");
  Evidence evidence = sure();
  evidence.better = 0.02;
  EXPECT_EQ(judge(interval(-0.015, -0.005), kBetter, true, 0.02, evidence).note, "");
  EXPECT_EQ(judged(interval(0.03, 0.2), kBetter, 0.5).word, "stable");  // the user's own margin
}

TEST(Verdict, DocumentsNeededIsWithinReachAndNeverWhatIsThere) {
  const auto open = [](const Interval& difference, int rows = 1) {
    Evidence evidence;
    evidence.rows = rows;
    return judge(difference, kBetter, true, 0.02, evidence);
  };
  const Verdict wide = open(interval(-0.1, 0.1));
  // n = ((1.5 t + 0.8416) 0.1 / 0.02)^2, with t of 1 - 0.05 / 3 and n - 1 degrees of freedom.
  EXPECT_EQ(wide.documents_needed, 409);
  EXPECT_EQ(wide.more_documents, wide.documents_needed - 5);  // 5 are there
  EXPECT_GT(open(interval(-0.1, 0.1), 14).documents_needed, wide.documents_needed);
  // Mean 0.02: on the border itself, no number would do.
  EXPECT_EQ(open(interval(-0.01, 0.05)).documents_needed, kManyDocuments);
  Interval difference{0, -0.03, 0.03, 1e-6, 8};  // the deviation says that 3 would do, but 8 did not
  EXPECT_EQ(open(difference).documents_needed, 9);
  EXPECT_EQ(open(difference).more_documents, 1);
  difference.deviation = HUGE_VAL;  // losses near the end of what a double holds
  EXPECT_EQ(open(difference).documents_needed, kManyDocuments);
  difference.n = 20000;
  EXPECT_EQ(open(difference).more_documents, 1);
}

}  // namespace
}  // namespace rw
