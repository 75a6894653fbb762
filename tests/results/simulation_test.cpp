// SPDX-License-Identifier: Apache-2.0
/// Whether intervals and corrections keep their promises, on made-up losses whose truth is known. Seeded.
/// What an answer claims: lead_simulation_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "core/random.h"
#include "made_up_noise.h"
#include "results/statistics.h"

namespace rw {
namespace {

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

TEST(Simulation, HolmKeepsTheFamilyUnderTheNull) {
  constexpr int kRuns = 3000, kRows = 14;
  Random random(3);
  int wrong = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> p;
    for (int r = 0; r < kRows; ++r) p.push_back(p_differs(differences(random, 8, 0, normal)));
    bool any = false;
    for (double adjusted : holm(p)) any = any || adjusted <= 0.05;
    wrong += any;
  }
  const double rate = wrong / static_cast<double>(kRuns);
  std::printf("family-wise error of Holm under the null: %.3f\n", rate);
  EXPECT_LE(rate, 0.05 + 0.012);  // three standard errors of 3000 runs
  EXPECT_GE(rate, 0.03);          // independent rows: nearly all of the level is used
}

}  // namespace
}  // namespace rw
