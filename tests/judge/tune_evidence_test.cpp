// SPDX-License-Identifier: Apache-2.0
/// What documents that no choice was made on say about tune's winner: on made-up losses, so that the right
/// answer is known.
#include "judge/tune_evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "results/verdict.h"

namespace rw {
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
    return rw::margins(records_, 160, winner);
  }
  TuneConclusion conclude(Goal goal = Goal::kLoss, const std::string& winner = "w", Index n_vocab = 0) const {
    return rw::conclude(records_, 160, winner, goal, n_vocab);
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

/// Stretches of one text are alike: with five texts or more these are the unit.
TEST(TuneEvidence, IsClusteredByText) {
  Made made;
  for (const char* text : {"c#", "d#", "e#"}) made.put("w", {1}, text).put("none", {1}, text);
  made.put("w", {1, 1, 1, 1}, "a#").put("none", {2, 2, 2, 2}, "a#");
  made.put("w", {1, 3}, "b#").put("none", {2, 2}, "b#");
  const Difference d = made.margins()[0].loss;
  EXPECT_EQ(d.units.n_documents(), 9u);
  EXPECT_EQ(d.units.n_texts(), 5u);
  EXPECT_EQ(d.values, (std::vector<double>{-1, 0, 0, 0, 0}));
}

TEST(TuneEvidence, NoWordUnderFiveTexts) {
  Made made;
  made.put("w", {1, 1.01, 1, 1.01}).put("none", {9, 9, 9, 9}).put("yarn", {1, 1, 1, 1});
  for (const Margin& m : made.margins())
    if (m.loss.measured()) {
      EXPECT_EQ(word_of(m.loss, -1), "too few to say") << m.rival;
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
  made.put(kTruncated, {1, 1, kNan, 1, 1, 1});
  EXPECT_EQ(made.conclude().finding, TuneFinding::kNotFinite);
  EXPECT_NE(made.conclude().why.find("NaN or infinity) in 1 of 6 documents"), std::string::npos);
  EXPECT_EQ(made.conclude().method, "") << "nothing is stored";
}

TEST(TuneEvidence, ATextThatTheModelDoesNotReadShowsNothing) {
  Made made;
  made.put("w", {1, 1, 1, 1, 1, 1}).put("none", {2, 2, 2, 2, 2, 2}).put(kTruncated, {2, 2, 2, 5, 2, 2});
  EXPECT_EQ(made.conclude().finding, TuneFinding::kShown);
  const TuneConclusion c = made.conclude(Goal::kLoss, "w", 100);  // ln 100 = 4.6
  EXPECT_EQ(c.finding, TuneFinding::kNotRead);
  EXPECT_EQ(c.method, "");
  EXPECT_NE(c.why.find("in 1 of 6 documents truncation's loss is worse than guessing"), std::string::npos);
  EXPECT_EQ(made.conclude(Goal::kLoss, "w", 1000).finding, TuneFinding::kShown);
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

/// `plain` and `truncated`: of each of `n` stretches; what the winner adds to plain RoPE's follows in turns.
TuneConclusion concluded(std::size_t n, const std::vector<double>& added, double plain, double truncated) {
  Made made;
  std::vector<double> w, p, t;
  for (std::size_t d = 0; d < n; ++d) {
    const double text = 0.01 * static_cast<double>(d % 3);
    p.push_back(plain + text), t.push_back(truncated + text), w.push_back(p.back() + added[d % added.size()]);
  }
  made.put("w", w).put("none", p).put(kTruncated, t);
  return made.conclude();
}

TEST(TuneConclusion, OnlyWhatIsShownIsStored) {
  struct Case {
    std::vector<double> added;  ///< the winner's loss less plain RoPE's
    double plain, truncated;
    TuneFinding finding;
  };
  const std::vector<Case> cases{
      {{-4, -4.1}, 5, 1, TuneFinding::kShown},
      {{-0.01, -0.011}, 1, 1, TuneFinding::kTie},
      {{0}, 1, 1, TuneFinding::kTie},
      {{0}, 5, 1, TuneFinding::kNotShown},         // as good as plain RoPE, which explodes
      {{0.5, 0.6}, 1, 1, TuneFinding::kNotShown},  // worse
      {{-1, 1}, 1, 1, TuneFinding::kNotShown},
      {{kNan}, 1, 1, TuneFinding::kNotShown},
      {{-1, kNan}, 1, 1, TuneFinding::kNotShown},
      {{-4, -4.1}, 5, kNan, TuneFinding::kNotFinite},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const TuneConclusion c = concluded(6, cases[i].added, cases[i].plain, cases[i].truncated);
    EXPECT_EQ(c.finding, cases[i].finding) << i << ": " << c.why;
    EXPECT_EQ(c.method, c.finding == TuneFinding::kShown ? "w"
                        : c.finding == TuneFinding::kTie ? kPlain
                                                         : "")
        << i;
    EXPECT_FALSE(c.why.empty());
  }
}

/// The fault: on three stretches a winner was "no worse", and plain RoPE was stored from no evidence at all.
TEST(TuneConclusion, FewStretchesStoreNothing) {
  for (std::size_t n = 1; n <= 4; ++n)
    for (const std::vector<double>& added : {std::vector<double>{-4, -4.1}, {0}, {0.5}}) {
      const TuneConclusion c = concluded(n, added, 5, 1);
      EXPECT_EQ(c.finding, TuneFinding::kTooFew) << n;
      EXPECT_EQ(c.method, "");
      EXPECT_EQ(c.n_needed, 5u);
      EXPECT_NE(c.why.find("where 5 are needed"), std::string::npos) << c.why;
    }
  EXPECT_EQ(concluded(5, {-4, -4.1}, 5, 1).method, "w");
  Made plain;  // it won, and was not measured against truncation
  plain.put("none", {1, 1, 1, 1, 1, 1}).put("yarn", {2, 2, 2, 2, 2, 2});
  EXPECT_EQ(plain.conclude(Goal::kLoss, kPlain).method, "");
}

/// Plain RoPE is a setting like any other: where it explodes, that nothing beat it makes it no advice.
TEST(TuneConclusion, PlainRopeIsStoredWhereItHolds) {
  for (const double truncated : {1.0, 0.5}) {
    Made made;
    made.put("none", {1, 1.005, 1, 1.004, 1, 1.003});
    made.put(kTruncated, std::vector<double>(6, truncated)).put("yarn", std::vector<double>(6, 2));
    const TuneConclusion c = made.conclude(Goal::kLoss, kPlain);
    EXPECT_EQ(c.method, truncated == 1.0 ? kPlain : "") << c.why;
    EXPECT_EQ(c.finding, truncated == 1.0 ? TuneFinding::kPlainWins : TuneFinding::kNotShown);
  }
}

/// Where plain RoPE's own loss is no number, to be one is better; six of six are needed to show it.
TEST(TuneConclusion, WhatIsANumberBeatsWhatIsNone) {
  for (const std::size_t n : {5u, 6u}) EXPECT_EQ(concluded(n, {0}, kNan, 1).method, "");
  for (const std::size_t n : {5u, 6u}) {
    Made made;
    made.put("w", std::vector<double>(n, 1)).put("none", std::vector<double>(n, kNan));
    made.put(kTruncated, std::vector<double>(n, 1));
    EXPECT_EQ(made.conclude().method, n == 6 ? "w" : "");
  }
}

TEST(TuneConclusion, TheGoalSaysWhatCounts) {
  Made made;
  made.put("w", std::vector<double>(6, 1.5)).put("none", std::vector<double>(6, 1));
  made.put(kTruncated, std::vector<double>(6, 1)).found(kTruncated, std::vector<double>(6, 0));
  made.found("w", std::vector<double>(6, 1)).found("none", {0, 0, 0.1, 0, 0.2, 0});
  EXPECT_EQ(made.conclude(Goal::kLoss).finding, TuneFinding::kNotShown);
  EXPECT_EQ(made.conclude(Goal::kRetrieval).finding, TuneFinding::kShown);
  EXPECT_EQ(made.conclude(Goal::kBoth).finding, TuneFinding::kNotShown);
  Made five;  // the least p-value of five is 1/32
  five.put("w", std::vector<double>(5, 1)).put("none", std::vector<double>(5, 1));
  five.found("w", std::vector<double>(5, 1)).found("none", std::vector<double>(5, 0));
  EXPECT_EQ(five.conclude(Goal::kRetrieval).finding, TuneFinding::kTooFew);
  EXPECT_EQ(five.conclude(Goal::kRetrieval).n_needed, 6u);
}

/// At the margin a winner is stored by mistake in at most 5 % of runs, whatever the noise leans to.
TEST(TuneConclusion, ErrsRarelyAtTheMargin) {
  std::mt19937 generator(11);
  std::normal_distribution<double> normal(0, 0.5);
  for (const std::size_t n : {5u, 6u, 12u}) {
    int wrong = 0;
    constexpr int kRuns = 2000;
    for (int run = 0; run < kRuns; ++run) {
      std::vector<double> w, p(n, 1);
      for (std::size_t d = 0; d < n; ++d)  // lognormal, mean 0, skewness 1.75, deviation about 0.05
        w.push_back(1 + kStabilityMargin + 0.08 * (std::exp(normal(generator)) - std::exp(0.125)));
      Made made;
      made.put("w", w).put("none", p).put(kTruncated, p);
      wrong += made.conclude().method == "w";
    }
    EXPECT_LE(wrong, kRuns * 0.05 + 2 * std::sqrt(kRuns * 0.05 * 0.95)) << n;
  }
}

TEST(TuneConclusion, TruncationIsAdvisedUnlessTheWinnerIsShownBetter) {
  EXPECT_FALSE(concluded(6, {-4, -4.1}, 5, 2).truncation_does);
  EXPECT_TRUE(concluded(6, {-4, -4.1}, 5, 0.95).truncation_does);
  EXPECT_EQ(concluded(6, {-4, -4.1}, 5, 0.95).finding, TuneFinding::kShown);
}

}  // namespace
}  // namespace rw
