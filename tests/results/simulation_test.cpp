// SPDX-License-Identifier: Apache-2.0
/// Whether the statistics keep their promises, on made-up losses whose truth is known. Seeded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "core/random.h"
#include "results/verdict.h"

namespace ropewalk {
namespace {

/// Box-Muller; std's distributions differ from one library to the next.
double normal(Random& random) {
  return std::sqrt(-2 * std::log(random.uniform())) * std::cos(2 * 3.14159265358979324 * random.uniform());
}
double exponential(Random& random) { return -std::log(random.uniform()) - 1; }
/// exp(0.5 z), mean 0, deviation 1; skewness 1.75.
double lognormal(Random& random) {
  const double square = 0.25, mean = std::exp(square / 2);
  return (std::exp(0.5 * normal(random)) - mean) / (mean * std::sqrt(std::exp(square) - 1));
}

using Noise = std::function<double(Random&)>;

/// Differences of two methods' losses on n documents, which differ ten times more than the methods do: only
/// pairing makes that vanish. True mean `shift`, deviation 0.03 nats.
std::vector<double> differences(Random& random, int n, double shift, const Noise& noise) {
  std::vector<double> result;
  for (int d = 0; d < n; ++d) {
    const double document = 3 + 0.3 * normal(random);
    const double plain = document, method = document + shift + 0.03 * noise(random);
    result.push_back(method - plain);
  }
  return result;
}

/// Like corpus BLEU: a ratio of sums over documents of unequal size, times 100.
TEST(Simulation, TheJackknifeOfARatioCovers) {
  constexpr int kRuns = 3000;
  for (const std::size_t n : {5u, 8u, 20u}) {
    Random random(n);
    int covered = 0;
    for (int run = 0; run < kRuns; ++run) {
      std::vector<double> size(n), hits(n);
      for (std::size_t d = 0; d < n; ++d) {
        size[d] = 50 + 100 * random.uniform();
        hits[d] = size[d] * (0.3 + 0.05 * normal(random));
      }
      const Interval i = jackknife_interval(n, [&](std::size_t without) {
        double a = 0, b = 0;
        for (std::size_t d = 0; d < n; ++d)
          if (d != without) a += hits[d], b += size[d];
        return 100 * a / b;
      });
      covered += *i.low <= 30 && 30 <= *i.high;
    }
    const double share = covered / static_cast<double>(kRuns);
    std::printf("coverage of a ratio with %2zu documents: %.3f\n", n, share);
    EXPECT_GE(share, 0.92) << n;
    EXPECT_LE(share, 0.97) << n;
  }
}

TEST(Simulation, The95PercentIntervalCovers93To97) {
  constexpr int kRuns = 2500, kResamples = 1000;
  for (int n : {5, 8, 30, 60}) {
    auto coverage = [&](const Noise& noise) {
      Random random(static_cast<std::uint64_t>(n));
      int covered = 0;
      for (int run = 0; run < kRuns; ++run) {
        const auto values = differences(random, n, 0.01, noise);
        const Interval i =
            n < kBootstrapFrom ? interval(values) : bootstrap_interval(values, kResamples, random.next());
        covered += *i.low <= 0.01 && 0.01 <= *i.high;
      }
      return covered / static_cast<double>(kRuns);
    };
    const double bell = coverage(normal), skewed = coverage(exponential), mild = coverage(lognormal);
    std::printf("coverage with %2d documents: normal %.3f, exponential %.3f, lognormal %.3f\n", n, bell,
                skewed, mild);
    EXPECT_GE(bell, 0.93) << n;
    EXPECT_LE(bell, 0.97) << n;
    // No interval from 5 numbers holds for strongly skewed data; these bounds say how bad it gets.
    EXPECT_GE(skewed, n < kBootstrapFrom ? 0.85 : 0.90) << n;
    EXPECT_GE(mild, n < kBootstrapFrom ? 0.88 : 0.91) << n;
  }
}

/// How often any of `rows` verdicts is in `words`, when every true mean is `shift`. Rows share documents, so
/// that they hang together as real ones do.
double any_of(const std::vector<std::string>& words, int rows, int n, double shift, bool corrected) {
  constexpr int kRuns = 2000;
  Random random(77);
  int wrong = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> shared;
    for (int d = 0; d < n; ++d) shared.push_back(0.02 * normal(random));
    std::vector<Interval> intervals;
    std::vector<double> beyond;
    std::vector<double> equivalent;
    for (int r = 0; r < rows; ++r) {
      auto values = differences(random, n, shift, normal);
      for (std::size_t d = 0; d < values.size(); ++d) values[d] += shared[d];
      intervals.push_back(interval(values));
      beyond.push_back(p_beyond(values, kStabilityMargin));
      equivalent.push_back(p_equivalent(values, kStabilityMargin));
    }
    if (corrected) beyond = holm(beyond);
    bool any = false;
    for (std::size_t r = 0; r < intervals.size(); ++r) {
      const Verdict v =
          judge(intervals[r], {-1, -2, -0.5, 0.1, n}, true, kStabilityMargin,
                {.beyond = beyond[r], .nonzero = {}, .equivalent = equivalent[r], .rows = rows});
      any = any || std::find(words.begin(), words.end(), v.word) != words.end();
    }
    wrong += any;
  }
  return wrong / static_cast<double>(kRuns);
}

TEST(Simulation, AnyWrongClaimAmongManyRowsIsRare) {
  // At the border of the margin a claim of a difference beyond it is just not true.
  const double holm_rate = any_of({"degrades", "improves"}, 14, 8, kStabilityMargin, true);
  const double raw_rate = any_of({"degrades", "improves"}, 14, 8, kStabilityMargin, false);
  std::printf("a wrong degrades or improves among 14 rows: %.3f with Holm, %.3f without\n", holm_rate,
              raw_rate);
  EXPECT_LE(holm_rate, 0.05 + 0.015);
  EXPECT_GT(raw_rate, 0.1);  // so the correction is needed
}

TEST(Simulation, HolmKeepsTheFamilyUnderTheNull) {
  constexpr int kRuns = 3000, kRows = 14;
  Random random(3);
  int wrong = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> p;
    for (int r = 0; r < kRows; ++r) p.push_back(p_differs(differences(random, 8, 0, normal)));
    bool any = false;
    for (double adjusted : holm(p)) any = any || adjusted <= kClaimLevel;
    wrong += any;
  }
  const double rate = wrong / static_cast<double>(kRuns);
  std::printf("family-wise error of Holm under the null: %.3f\n", rate);
  EXPECT_LE(rate, 0.05 + 0.012);  // three standard errors of 3000 runs
  EXPECT_GE(rate, 0.03);          // independent rows: nearly all of the level is used
}

TEST(Simulation, StableAtTheMarginIsRare) {
  for (int n : {5, 8, 30}) {
    constexpr int kRuns = 4000;
    Random random(static_cast<std::uint64_t>(100 + n));
    int at_five = 0;
    for (int run = 0; run < kRuns; ++run)
      at_five += p_equivalent(differences(random, n, kStabilityMargin, normal), kStabilityMargin) <= 0.05;
    const double rate = at_five / static_cast<double>(kRuns);
    const double verdict = any_of({"stable"}, 1, n, kStabilityMargin, true);
    std::printf("wrongly equivalent at the margin, %2d documents: %.3f at 5 %%, verdict %.3f\n", n, rate,
                verdict);
    EXPECT_LE(rate, 0.05 + 0.011);
    EXPECT_LE(verdict, kStableLevel + 0.011);
  }
}

TEST(Simulation, TheDocumentsNeededDecideFourTimesInFive) {
  // The deviation of any_of's rows; the true mean is in the middle of the margin.
  const int n = documents_needed(std::hypot(0.03, 0.02), kStabilityMargin, 0.95, 1.2816);
  const double rate = any_of({"stable"}, 1, n, 0, true);
  std::printf("stable with the %d documents needed: %.3f\n", n, rate);
  EXPECT_NEAR(rate, 0.8, 0.06);
}

}  // namespace
}  // namespace ropewalk
