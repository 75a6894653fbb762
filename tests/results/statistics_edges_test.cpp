// SPDX-License-Identifier: Apache-2.0
/// Where a rule of statistics turns: which draw is the interval's end, at which number an interval begins,
/// what does not depend on the unit of measurement.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "results/statistics.h"

namespace rw {
namespace {

/// The ends are order statistics of the resampled means: of R = 2000 and 30 values, with t(0.975, 29) =
/// 2.045230 and Phi(-sqrt(30 / 29) t) = 0.018753, number floor(2001 x 0.018753) = 37 from either side.
/// 24 times 1/24 is not 1: a spread of rounding would make an interval of no width.
TEST(EqualValues, HaveNoSpread) {
  for (const double value : {1.0, 0.1, -1.0 / 3})
    for (const std::size_t n : {std::size_t{3}, std::size_t{24}, std::size_t{49}}) {
      const Interval all = t_interval(std::vector<double>(n, value));
      EXPECT_EQ(all.mean, value);
      EXPECT_EQ(all.deviation, 0);
    }
}

TEST(Bootstrap, EndsAtTheDrawOfItsTail) {
  std::vector<double> values;
  Random make(11);
  for (int d = 0; d < 30; ++d) values.push_back(make.uniform() * make.uniform());
  std::vector<double> means;
  Random random(3);
  for (int draw = 0; draw < 2000; ++draw) {
    double sum = 0;
    for (int d = 0; d < 30; ++d) sum += values[random.below(30)];
    means.push_back(sum / 30);
  }
  std::sort(means.begin(), means.end());
  ASSERT_LT(means[35], means[36]);
  ASSERT_LT(means[36], means[37]);
  const Interval ours = bootstrap_interval(values, 2000, 3);
  EXPECT_DOUBLE_EQ(*ours.low, means[36]);
  EXPECT_DOUBLE_EQ(*ours.high, means[2000 - 37]);
  // 105 draws: floor(106 x 0.018753) = 1, the very first and last (107 would make two of it).
  // 105 draws: floor(106 x 0.018753) = 1, the first from either side; 106: floor(107 x 0.018753) = 2.
  for (const int draws : {105, 106}) {
    std::vector<double> few;
    Random again(4);
    for (int draw = 0; draw < draws; ++draw) {
      double sum = 0;
      for (int d = 0; d < 30; ++d) sum += values[again.below(30)];
      few.push_back(sum / 30);
    }
    std::sort(few.begin(), few.end());
    ASSERT_LT(few[0], few[1]);
    const Interval short_run = bootstrap_interval(values, draws, 4);
    EXPECT_DOUBLE_EQ(*short_run.low, few[draws == 105 ? 0 : 1]);
    EXPECT_DOUBLE_EQ(*short_run.high, few[104]);
  }
}

/// A statistic that is not linear has pseudo-values with another mean: the interval is around the statistic.
TEST(Jackknife, IsAroundTheStatistic) {
  const std::vector<double> values{1, 4, 2, 8, 5.5};
  const auto square_of_mean = [&](std::size_t without) {
    double sum = 0, n = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (i != without) sum += values[i], ++n;
    return sum / n * (sum / n);
  };
  std::vector<double> pseudo;
  for (std::size_t k = 0; k < 5; ++k) pseudo.push_back(5 * square_of_mean(5) - 4 * square_of_mean(k));
  const Interval own = jackknife_interval(5, square_of_mean), of_pseudo = t_interval(pseudo);
  EXPECT_NEAR(own.mean, 4.1 * 4.1, 1e-12);
  EXPECT_GT(std::abs(own.mean - of_pseudo.mean), 0.1);
  EXPECT_NEAR(own.mean - *own.low, of_pseudo.mean - *of_pseudo.low, 1e-9);
  EXPECT_NEAR(*own.high - own.mean, *of_pseudo.high - of_pseudo.mean, 1e-9);
}

/// Three values have an interval, and two have a deviation.
TEST(Intervals, BeginAtThree) {
  EXPECT_FALSE(t_interval({1, 3}).low);
  EXPECT_NEAR(t_interval({1, 3}).deviation, std::sqrt(2.0), 1e-15);
  EXPECT_EQ(t_interval({1}).deviation, 0);
  const Interval three = t_interval({1, 2, 3});
  EXPECT_NEAR(*three.high - 2, 4.302653 / std::sqrt(3.0), 1e-6);  // t(0.975, 2) s / sqrt(3), s = 1
  EXPECT_EQ(bootstrap_interval({1, 2, 3}, 100, 1).n, 3);
  EXPECT_GE(*bootstrap_interval({1, 2, 3}, 100, 1).low, 1);  // a mean of resampled values, not a t-interval
  EXPECT_FALSE(bootstrap_interval({1, 2}, 100, 1).low);
}

/// Counting which sums of signs reach the seen one does not depend on the unit.
TEST(SignFlip, DoesNotDependOnTheUnit) {
  for (const double unit : {1e-6, 1e-3, 1.0, 1e3, 1e6}) {
    EXPECT_EQ(p_sign_flip({unit / 3, unit / 3, -unit / 3, -unit / 3}), 11.0 / 16) << unit;
    EXPECT_EQ(p_sign_flip({-1 * unit, 2 * unit, 3 * unit}), 2.0 / 8) << unit;
    EXPECT_EQ(p_sign_flip({0.1 * unit, 0.2 * unit, -0.3 * unit}), 5.0 / 8) << unit;
  }
}

/// 16 values are counted, 17 are drawn: the exact share has a power of two below it, the other one 20,001.
TEST(SignFlip, IsExactUpToSixteen) {
  std::vector<double> values(16, 1);
  values[0] = -1;
  EXPECT_EQ(p_sign_flip(values), 17.0 / 65536);
  values.push_back(1);  // P(at most one of 17 turned) = 18 / 131072: by draws about three of 20,000
  const double drawn = p_sign_flip(values) * 20001;
  EXPECT_NEAR(drawn, std::round(drawn), 1e-9);
  EXPECT_NEAR(drawn, 1 + 20000 * 18 / 131072.0, 7);  // 4 deviations of a Poisson count of mean 2.7
}

/// t(0.975, df) and far tails at small and large df, from published tables.
TEST(Quantiles, ReachFarAndWide) {
  EXPECT_NEAR(t_quantile(0.999, 1), 636.6193, 1e-3);
  EXPECT_NEAR(t_quantile(0.5, 1), 1, 1e-9);  // Cauchy: half lies within 1
  EXPECT_NEAR(t_quantile(0.95, 100000), 1.959988, 1e-5);
}

}  // namespace
}  // namespace rw
