// SPDX-License-Identifier: Apache-2.0
#include "train/schedule.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace rw {
namespace {

TEST(Schedule, GoesFromRateToEnd) {
  const Schedule line{.kind = ScheduleKind::kLine, .rate = 2, .end = 1};
  EXPECT_DOUBLE_EQ(line.at(0, 10), 2);
  EXPECT_DOUBLE_EQ(line.at(5, 10), 1.5);
  EXPECT_DOUBLE_EQ(line.at(9, 10), 1.1);
  const Schedule cosine{.kind = ScheduleKind::kCosine, .rate = 1, .end = 0};
  EXPECT_DOUBLE_EQ(cosine.at(0, 8), 1);
  EXPECT_NEAR(cosine.at(4, 8), 0.5, 1e-15);
  EXPECT_NEAR(cosine.at(2, 8), 0.8535533905932737, 1e-15);  // (1 + cos(pi / 4)) / 2
  const Schedule wsd{.kind = ScheduleKind::kWsd, .rate = 3, .end = 1, .decay = 0.25};
  EXPECT_DOUBLE_EQ(wsd.at(0, 100), 3);
  EXPECT_DOUBLE_EQ(wsd.at(75, 100), 3);
  EXPECT_DOUBLE_EQ(wsd.at(100, 100), 1);
  EXPECT_NEAR(wsd.at(80, 100), 2.6, 1e-12);
  EXPECT_DOUBLE_EQ((Schedule{.kind = ScheduleKind::kConstant, .rate = 3}.at(99, 100)), 3);
}

TEST(Schedule, WarmsUpInALine) {
  EXPECT_DOUBLE_EQ(warm_up_factor(0, 50), 0.02);
  EXPECT_DOUBLE_EQ(warm_up_factor(24, 50), 0.5);
  EXPECT_DOUBLE_EQ(warm_up_factor(49, 50), 1);
  EXPECT_DOUBLE_EQ(warm_up_factor(50, 50), 1);
  EXPECT_DOUBLE_EQ(warm_up_factor(0, 0), 1);
}

TEST(Schedule, SaysWhichThereAre) {
  EXPECT_EQ(parse_schedule("wsd", "[schedule] kind"), ScheduleKind::kWsd);
  try {
    parse_schedule("linear", "[schedule] kind");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "[schedule] kind: expected cosine, wsd, line or constant; found 'linear'; hint: wsd: "
                 "warm-up, stable, then a line down over the last `decay` of the steps");
  }
}

}  // namespace
}  // namespace rw
