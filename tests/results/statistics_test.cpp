// SPDX-License-Identifier: Apache-2.0
/// Intervals, tests and Holm's correction against scipy and statsmodels (tools/make_golden_statistics.py).
#include "results/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include "core/json.h"
#include "core/random.h"

namespace rw {
namespace {

JsonInput golden() {
  std::ifstream in(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/statistics.json");
  std::stringstream text;
  text << in.rdbuf();
  return parse_json(text.str(), "statistics.json");
}

TEST(Golden, TestsOfAMean) {
  const JsonInput file = golden();
  int seen = 0;
  for (const JsonInput& c : file["samples"]) {
    const auto values = c["values"].get<std::vector<double>>();
    const double margin = c["margin"];
    auto near = [&](double ours, const char* key) {
      const double theirs = c[key];
      EXPECT_NEAR(ours, theirs, 1e-10 + 1e-8 * theirs) << key << " of " << values.size();
      if (theirs > 1e-250) {
        EXPECT_NEAR(ours / theirs, 1, 1e-7) << key;  // small p-values too
      }
    };
    near(p_above(values, margin), "above");
    near(p_below(values, -margin), "below");
    near(p_differs(values), "differs");
    // Equivalence is two one-sided tests (TOST): both, so the greater p.
    const double inside = std::max(p_above(values, -margin), p_below(values, margin));
    near(inside, "equivalent");
    if (values.size() >= 3) {
      const Interval t = t_interval(values);
      EXPECT_NEAR(*t.low, c["low"], 1e-9);
      EXPECT_NEAR(*t.high, c["high"], 1e-9);
      // The tests at these levels are the printed interval inside, or outside, the margin.
      EXPECT_EQ(inside <= 0.025, *t.low > -margin && *t.high < margin);
      EXPECT_EQ(std::min(p_above(values, margin), p_below(values, -margin)) <= 0.025,
                *t.low > margin || *t.high < -margin);
    }
    ++seen;
  }
  EXPECT_EQ(seen, 36);
}

TEST(Golden, WilsonAndHolm) {
  const JsonInput file = golden();
  for (const JsonInput& c : file["proportions"]) {
    const Proportion p = proportion(c["k"], c["n"]);
    EXPECT_NEAR(p.low, c["low"], 1e-12) << p.k << " of " << p.n;
    EXPECT_NEAR(p.high, c["high"], 1e-12) << p.k << " of " << p.n;
    EXPECT_LE(p.low, p.value);
    EXPECT_GE(p.high, p.value);
  }
  for (const JsonInput& c : file["holm"]) {
    const auto theirs = c["adjusted"].get<std::vector<double>>();
    const auto ours = holm(c["p"].get<std::vector<double>>());
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], theirs[i], 1e-12);
  }
}

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

TEST(Statistics, WorkedExamples) {
  // 1, 2, 3: mean 2, deviation 1, t = 2 sqrt(3) with 2 degrees, where P(T > t) = 1/2 - t / (2 sqrt(2 + t^2)).
  const double t = 2 * std::sqrt(3.0), tail = 0.5 - t / (2 * std::sqrt(2 + t * t));
  EXPECT_NEAR(p_above({1, 2, 3}, 0), tail, 1e-12);
  EXPECT_NEAR(p_below({1, 2, 3}, 0), 1 - tail, 1e-12);
  EXPECT_NEAR(p_differs({1, 2, 3}), 2 * tail, 1e-12);
  EXPECT_NEAR(p_differs({1, 2, 3}, 2), 1, 1e-12);
  // Values that are all the same need no distribution.
  EXPECT_EQ(p_differs({0, 0, 0}), 1);
  EXPECT_EQ(p_above({0.5, 0.5, 0.5}, 0.02), 0);
  // 0.01 x 4, 0.02 x 3, 0.03 x 2 (0.06 again, never less than the one before), 0.5.
  const std::vector<double> adjusted = holm({0.03, 0.01, 0.5, 0.02});
  EXPECT_NEAR(adjusted[1], 0.04, 1e-15);
  EXPECT_NEAR(adjusted[3], 0.06, 1e-15);
  EXPECT_NEAR(adjusted[0], 0.06, 1e-15);
  EXPECT_NEAR(adjusted[2], 0.5, 1e-15);
  EXPECT_TRUE(holm({}).empty());
  // Wilson at n of n: 1 / (1 + z^2 / n), and never above 1.
  EXPECT_NEAR(proportion(20, 20).low, 1 / (1 + 3.8414588 / 20), 1e-8);
  EXPECT_EQ(proportion(20, 20).high, 1);
  EXPECT_EQ(proportion(0, 20).low, 0);
}

TEST(Golden, SignFlipAndMcNemar) {
  const JsonInput file = golden();
  int seen = 0;
  for (const JsonInput& c : file["sign_flip"]) {
    EXPECT_NEAR(p_sign_flip(c["values"].get<std::vector<double>>()), c["p"].get<double>(), 1e-12) << c.dump();
    ++seen;
  }
  for (const JsonInput& c : file["mcnemar"]) {
    const double theirs = c["p"], ours = p_mcnemar(c["only_a"], c["only_b"]);
    EXPECT_NEAR(ours, theirs, 1e-12) << c.dump();
    if (theirs > 1e-250) {
      EXPECT_NEAR(ours / theirs, 1, 1e-9) << c.dump();
    }
    ++seen;
  }
  EXPECT_EQ(seen, 27);
}

TEST(SignFlip, WorkedExamples) {
  // Of the eight signs of 1, 2, 3 only +++ reaches 6; zeros say nothing; all equal: the coin of each.
  EXPECT_EQ(p_sign_flip({1, 2, 3}), 1.0 / 8);
  EXPECT_EQ(p_sign_flip({0, 1, 2, 0, 3}), 1.0 / 8);
  EXPECT_EQ(p_sign_flip({-1, 2, 3}), 2.0 / 8);  // 4 or more: +++, -++
  EXPECT_EQ(p_sign_flip({0, 0}), 1);
  EXPECT_EQ(p_sign_flip(std::vector<double>(10, 0.25)), 1.0 / 1024);
  // Thirds do not add up exactly: equal sums stay equal.
  EXPECT_EQ(p_sign_flip({1.0 / 3, 1.0 / 3, -1.0 / 3, -1.0 / 3}), 11.0 / 16);
  // Above 16 values by draws, seeded: close to the binomial, and the same again.
  std::vector<double> coins(40, 1);
  for (std::size_t i = 0; i < 14; ++i) coins[i] = -1;  // 26 of 40 up: P(X >= 26) = 0.0403
  EXPECT_NEAR(p_sign_flip(coins), 0.0403, 0.005);
  EXPECT_EQ(p_sign_flip(coins), p_sign_flip(coins));
  EXPECT_NEAR(p_sign_flip(std::vector<double>(40, 1)), 1.0 / 20001, 1e-12);  // never 0
}

TEST(McNemar, CountsOnlyWhereTheTwoDiffer) {
  EXPECT_EQ(p_mcnemar(0, 0), 1);
  EXPECT_EQ(p_mcnemar(4, 4), 1);
  EXPECT_NEAR(p_mcnemar(0, 5), 2 * std::pow(0.5, 5), 1e-15);
  EXPECT_NEAR(p_mcnemar(1, 4), 2 * 6 * std::pow(0.5, 5), 1e-15);
  EXPECT_NEAR(p_mcnemar(4, 1), p_mcnemar(1, 4), 1e-15);
}

TEST(Widened, TakesALargerStandardError) {
  const std::vector<double> values{0.01, 0.03, 0.02, 0.05, 0.04};
  std::vector<double> wide;  // the same mean, deviations 1.5 times as large
  for (double v : values) wide.push_back(0.03 + 1.5 * (v - 0.03));
  EXPECT_NEAR(p_above(values, 0, 1.5), p_above(wide, 0), 1e-12);
  EXPECT_NEAR(p_below(values, 0.1, 1.5), p_below(wide, 0.1), 1e-12);
  EXPECT_GT(documents_needed(0.03, 0.01, 0.95, 0, 1.5), documents_needed(0.03, 0.01));
}

TEST(Jackknife, OfAMeanIsTheTInterval) {
  const std::vector<double> values{1, 4, 2, 8, 5.5};
  const Interval t = t_interval(values),
                 j = jackknife_interval(values.size(), [&](std::size_t without) {
                   double sum = 0;
                   for (std::size_t i = 0; i < values.size(); ++i) sum += i == without ? 0 : values[i];
                   return sum / static_cast<double>(values.size() - (without < values.size() ? 1 : 0));
                 });
  EXPECT_NEAR(j.mean, t.mean, 1e-12);
  EXPECT_NEAR(*j.low, *t.low, 1e-12);
  EXPECT_NEAR(*j.high, *t.high, 1e-12);
  EXPECT_EQ(j.n, 5);
  const Interval one = jackknife_interval(1, [](std::size_t k) { return k == 1 ? 7.0 : -1.0; });
  EXPECT_EQ(one.mean, 7);
  EXPECT_FALSE(one.low);
}

TEST(Bootstrap, TakesOverAt30AndRepeatsItself) {
  std::vector<double> values;
  Random random(5);
  for (int d = 0; d < 29; ++d) values.push_back(random.uniform());
  EXPECT_EQ(*interval(values).low, *t_interval(values).low);
  values.push_back(0.5);
  const Interval ours = interval(values), t = t_interval(values);
  EXPECT_EQ(*ours.low, *bootstrap_interval(values).low);
  EXPECT_EQ(*ours.high, *interval(values).high);
  EXPECT_NE(*ours.low, *t.low);
  EXPECT_EQ(ours.mean, t.mean);
  EXPECT_EQ(ours.n, 30);
  // Of symmetric values it is the t-interval but for the luck of the draw.
  EXPECT_NEAR(*ours.high - *ours.low, *t.high - *t.low, 0.06 * (*t.high - *t.low));
  EXPECT_EQ(*bootstrap_interval(values, 2000, 1).low, *bootstrap_interval(values, 2000, 1).low);
  EXPECT_NE(*bootstrap_interval(values, 2000, 1).low, *bootstrap_interval(values, 2000, 2).low);
}

TEST(Bootstrap, LeansTowardsTheLongTailAndSurvivesAnything) {
  std::vector<double> skewed;
  for (int d = 0; d < 40; ++d) skewed.push_back(-std::log1p(-(d + 0.5) / 40));
  const Interval lean = interval(skewed);
  EXPECT_GT(*lean.high - lean.mean, lean.mean - *lean.low);
  skewed[3] = std::nan("");
  EXPECT_TRUE(std::isnan(*interval(skewed).low));
  const Interval same = interval(std::vector<double>(50, 0.25));
  EXPECT_DOUBLE_EQ(*same.low, 0.25);
  EXPECT_DOUBLE_EQ(*same.high, 0.25);
  EXPECT_FALSE(bootstrap_interval({1, 2}).low);
}

TEST(Random, IsTheSameEverywhere) {
  Random random(0);  // the first numbers of the published generator from seed 0
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4u);
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below(7), 7u);
}

}  // namespace
}  // namespace rw
