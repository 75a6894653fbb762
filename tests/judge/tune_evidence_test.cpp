// SPDX-License-Identifier: Apache-2.0
/// What documents that no choice was made on say about tune's winner: on made-up losses, so that the right
/// answer is known.
#include "judge/tune_evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace ropewalk {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Records of one length, 160.
class Made {
 public:
  Made& put(const std::string& method, const std::vector<double>& losses, const std::string& text = "t#") {
    for (std::size_t d = 0; d < losses.size(); ++d)
      add("tail", method, fmt::format("{}{}", text, d), losses[d]);
    return *this;
  }
  Made& found(const std::string& method, const std::vector<double>& scores, const std::string& text = "t#") {
    for (std::size_t d = 0; d < scores.size(); ++d)
      add("passkey", method, fmt::format("{}{}", text, d), scores[d]);
    return *this;
  }
  std::vector<Margin> margins(const std::string& winner = "w") const {
    return ropewalk::margins(records_, 160, winner);
  }
  TuneConclusion conclude(Goal goal = Goal::kLoss, const std::string& winner = "w") const {
    return ropewalk::conclude(winner, margins(winner), goal);
  }

 private:
  void add(const char* task, const std::string& method, const std::string& document, double value) {
    Record r;
    r.task = task, r.method = method, r.document = document, r.length = 160;
    if (std::string_view(task) == "tail")
      r.loss = value;
    else
      r.score = value;
    records_.push_back(r);
  }
  std::vector<Record> records_;
};

TEST(TuneEvidence, IsPairedByDocument) {
  Made made;
  made.put("yarn", {1, 2, 4}).put("w", {1.5, 2.5, 4.5, 99}).put("none", {1, 1, 1});
  made.found("w", {1, 1, 1}).found("w", {0, 0, 0}).found("yarn", {0, 1, 1});
  const std::vector<Margin> all = made.margins();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].rival, "yarn");
  EXPECT_EQ(all[2].loss.units.n_documents(), 3u) << "the fourth was measured with one of them only";
  EXPECT_EQ(all[2].loss.units.n_texts(), 1u);
  EXPECT_DOUBLE_EQ(all[2].loss.interval.mean, 0.5);
  EXPECT_DOUBLE_EQ(all[2].loss.interval.deviation, 0);
  EXPECT_DOUBLE_EQ(all[2].score.interval.mean, (0.5 - 0.5 - 0.5) / 3);
  EXPECT_FALSE(all[1].loss.measured()) << "truncation";
  EXPECT_FALSE(all[0].score.measured());
}

/// Stretches of one text are alike: with several texts these are the unit.
TEST(TuneEvidence, IsClusteredByText) {
  Made made;
  made.put("w", {1, 1, 1, 1}, "a#").put("none", {2, 2, 2, 2}, "a#");
  made.put("w", {1, 3}, "b#").put("none", {2, 2}, "b#");
  const Difference d = made.margins()[0].loss;
  EXPECT_EQ(d.units.n_documents(), 6u);
  EXPECT_EQ(d.units.n_texts(), 2u);
  EXPECT_EQ(d.values, (std::vector<double>{-1, 0}));
  EXPECT_FALSE(d.interval.low) << "two texts";
}

TEST(TuneEvidence, NoWordUnderFiveTexts) {
  Made made;
  made.put("w", {1, 1.01, 1, 1.01}).put("none", {9, 9, 9, 9}).put("yarn", {1, 1, 1, 1});
  for (const Margin& m : made.margins())
    if (m.loss.measured()) {
      EXPECT_EQ(word_of(m.loss, -1), "too few texts to say") << m.rival;
    }
  made.put("w", {1}, "t#4").put("none", {9}, "t#4");
  EXPECT_EQ(word_of(made.margins()[0].loss, -1), "better");
  EXPECT_EQ(word_of(made.margins()[0].loss, 1), "worse");
}

TEST(TuneEvidence, WhatIsNotANumberIsNamedAndNeverAClaim) {
  Made made;
  made.put("w", {1, kNan, 1, 1, 1, 1}).put("none", {2, 2, 2, 2, 2, 2}).put("yarn", {2, 2, 2, 2, 2, kNan});
  const std::vector<Margin> all = made.margins();
  EXPECT_EQ(word_of(all[0].loss, -1), "not a number in 1 of 6");
  EXPECT_EQ(word_of(all[2].loss, -1), "not a number in 2 of 6");
  EXPECT_FALSE(all[0].loss.interval.low);
  EXPECT_EQ(made.conclude().finding, TuneFinding::kNotShown);
}

/// The rows of a winner are corrected together: where none differs, a word comes in at most 5 % of runs.
TEST(TuneEvidence, WordsAreRareWhereNothingDiffers) {
  std::mt19937 generator(7);
  std::normal_distribution<double> normal(0, 0.1);
  int wrong = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    const auto draw = [&] {
      std::vector<double> values;
      for (int d = 0; d < 6; ++d) values.push_back(1 + normal(generator));
      return values;
    };
    Made made;
    for (const std::string& method : {std::string("w"), kPlain, kTruncated, std::string("yarn")})
      made.put(method, draw()).found(method, draw());
    bool any = false;
    for (const Margin& m : made.margins())
      for (const Difference& d : {m.loss, m.score})
        any |= word_of(d, 1) == "better" || word_of(d, 1) == "worse";
    wrong += any;
  }
  EXPECT_LE(wrong, kRuns * 0.05 + 2 * std::sqrt(kRuns * 0.05 * 0.95));
  EXPECT_GT(wrong, 0) << "a test that never speaks shows nothing";
}

TEST(TuneConclusion, OnlyWhatIsShownNoWorseThanPlainRopeIsUsed) {
  struct Case {
    std::vector<double> winner, plain;
    TuneFinding finding;
  };
  const std::vector<Case> cases{
      {{1, 1.1, 1, 1.1}, {5, 5.1, 5.2, 5}, TuneFinding::kShown},
      {{1, 1, 1, 1}, {1.01, 1.01, 1.01, 1.01}, TuneFinding::kTie},
      {{1, 1, 1, 1}, {1, 1, 1, 1}, TuneFinding::kTie},
      {{1.5, 1.6, 1.5, 1.6}, {1, 1, 1, 1}, TuneFinding::kNotShown},  // the fault: worse, and written
      {{1, 2, 1, 2}, {2, 1, 2, 1.1}, TuneFinding::kNotShown},
      {{1}, {1.5}, TuneFinding::kShown},
      {{1}, {1.01}, TuneFinding::kTie},
      {{1, 1}, {1.5, 0.9}, TuneFinding::kNotShown},
      {{1, 1}, {1.5, 1.01}, TuneFinding::kNotShown},
      {{kNan}, {kNan}, TuneFinding::kNotShown},
      {{1, 1, 1}, {kNan, kNan, kNan}, TuneFinding::kShown},
      {{kNan, 1, 1}, {2, 2, 2}, TuneFinding::kNotShown},
      {{}, {}, TuneFinding::kNotShown},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Made made;
    made.put("w", cases[i].winner).put("none", cases[i].plain);
    const TuneConclusion c = made.conclude();
    EXPECT_EQ(c.finding, cases[i].finding) << i;
    EXPECT_EQ(c.method, cases[i].finding == TuneFinding::kShown ? "w" : kPlain) << i;
    EXPECT_NE(c.why.find(c.method == kPlain ? "plain RoPE" : "w"), std::string::npos) << c.why;
  }
}

TEST(TuneConclusion, TheGoalSaysWhatCounts) {
  Made made;
  made.put("w", {1.5, 1.5, 1.5}).put("none", {1, 1, 1});
  made.found("w", {1, 1, 1}).found("none", {0, 0, 0.1});
  EXPECT_EQ(made.conclude(Goal::kLoss).finding, TuneFinding::kNotShown);
  EXPECT_EQ(made.conclude(Goal::kRetrieval).finding, TuneFinding::kShown);
  EXPECT_EQ(made.conclude(Goal::kBoth).finding, TuneFinding::kNotShown);
}

TEST(TuneConclusion, PlainRopeAsTheWinnerStays) {
  Made made;
  made.put("none", {1, 1, 1}).put("yarn", {2, 2, 2});
  const TuneConclusion c = made.conclude(Goal::kLoss, kPlain);
  EXPECT_EQ(c.finding, TuneFinding::kPlainWins);
  EXPECT_EQ(c.method, kPlain);
}

TEST(TuneConclusion, TruncationIsAdvisedUnlessTheWinnerIsShownBetter) {
  Made better, equal, unmeasured;
  better.put("w", {1, 1.1, 1}).put("none", {5, 5, 5}).put(kTruncated, {2, 2, 2});
  equal.put("w", {1, 2.1, 1}).put("none", {5, 5, 5}).put(kTruncated, {1.1, 2, 1});
  unmeasured.put("w", {1, 1, 1}).put("none", {5, 5, 5});
  EXPECT_FALSE(better.conclude().truncation_does);
  EXPECT_TRUE(equal.conclude().truncation_does);
  EXPECT_EQ(equal.conclude().finding, TuneFinding::kShown);
  EXPECT_FALSE(unmeasured.conclude().truncation_does);
}

}  // namespace
}  // namespace ropewalk
