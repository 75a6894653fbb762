// SPDX-License-Identifier: Apache-2.0
/// Lengths derived from a whole curve, on worked examples.
#include "results/derived.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rw {
namespace {

std::vector<JudgedLength> curve(std::initializer_list<std::pair<Index, const char*>> words) {
  std::vector<JudgedLength> result;
  for (const auto& [length, word] : words) {
    const std::string text = word;
    result.push_back(
        {length,
         {.word = text,
          .holds = text == "stable" || text == "improves" || text == "not worse" || text == "equal"}});
  }
  return result;
}

TEST(Derived, BreaksAtTheFirstThatFails) {
  const auto lengths = curve({{32768, "explodes"}, {8192, "stable"}, {16384, "degrades"}});
  EXPECT_EQ(breaks_at(lengths), 16384);
  EXPECT_EQ(holds_to(lengths), 8192);
  EXPECT_EQ(breaks_at(curve({{8192, "stable"}, {16384, "inconclusive"}})), std::nullopt);
  EXPECT_EQ(breaks_at({}), std::nullopt);
}

TEST(Derived, HoldingIsContiguous) {
  // 64k does not count: nobody knows of 32k.
  const auto lengths =
      curve({{8192, "stable"}, {16384, "improves"}, {32768, "inconclusive"}, {65536, "stable"}});
  EXPECT_EQ(holds_to(lengths), 16384);
  EXPECT_EQ(breaks_at(lengths), std::nullopt);
  EXPECT_EQ(holds_to(curve({{8192, "degrades"}, {16384, "stable"}})), std::nullopt);
  EXPECT_EQ(holds_to({}), std::nullopt);
  EXPECT_EQ(holds_to(curve({{8192, "stable"}, {16384, "not worse"}, {32768, "inconclusive"}})), 16384);
}

TEST(Derived, WhatIsNotJudgedDoesNotCount) {
  // Below the trained length less was read; at it plain RoPE is the reference, and holds by itself.
  const auto lengths = curve({{2048, "less read"}, {8192, "reference"}, {16384, "explodes"}});
  EXPECT_EQ(breaks_at(lengths), 16384);
  EXPECT_EQ(holds_to(lengths), 8192);
  EXPECT_EQ(holds_to(curve({{2048, "less read"}, {8192, "equal"}, {16384, "stable"}})), 16384);
  // On few texts nothing was shown, in either direction.
  std::vector<JudgedLength> seen{{8192, {.word = "close", .seen_only = true}},
                                 {16384, {.word = "worse", .seen_only = true}}};
  EXPECT_EQ(breaks_at(seen), std::nullopt);
  EXPECT_EQ(holds_to(seen), std::nullopt);
}

TEST(Derived, UsedWhileSwappingTheFarPartCosts) {
  auto benefit = [](double low, double high) { return Interval{(low + high) / 2, low, high, 0.1, 8}; };
  EXPECT_EQ(used_to(std::vector<FarBenefit>{
                {8192, benefit(0.1, 0.3)}, {32768, benefit(-0.1, 0.1)}, {16384, benefit(0.01, 0.2)}}),
            16384);
  EXPECT_EQ(used_to(std::vector<FarBenefit>{{8192, benefit(0, 0.3)}}), std::nullopt);  // 0 is not above 0
  EXPECT_EQ(used_to(std::vector<FarBenefit>{{8192, benefit(-0.1, 0.3)}, {16384, benefit(0.1, 0.3)}}),
            std::nullopt);
  EXPECT_EQ(used_to(std::vector<FarBenefit>{{8192, {0.5, {}, {}, 0.1, 2}}}), std::nullopt);  // no interval
  const double nan = std::nan("");
  EXPECT_EQ(used_to(std::vector<FarBenefit>{{8192, {nan, nan, nan, nan, 5}}}), std::nullopt);
}

TEST(Derived, RetrievesToARelativeBorder) {
  // Short score 16 of 20 = 0.8; the border is 0.68: 14 of 20 holds, 13 of 20 does not.
  const std::vector<RetrievalScore> lengths{
      {8192, 18, 20}, {16384, 14, 20}, {32768, 13, 20}, {65536, 20, 20}};
  const RetrievalReach reach = retrieval_reach({512, 16, 20}, lengths);
  EXPECT_TRUE(reach.can_tell);
  EXPECT_EQ(reach.retrieves_to, 16384);
  EXPECT_EQ(reach.ruler_to, 8192);  // 0.9 >= 0.856, 0.7 not
  EXPECT_NEAR(reach.short_score.value, 0.8, 1e-15);
}

TEST(Derived, TheBorderItselfHolds) {
  // 17 of 20 is 0.85 of 20 of 20; 153 of 200 is 0.85 of 18 of 20; 107 of 125 is 0.856: all exactly.
  EXPECT_EQ(retrieval_reach({512, 20, 20}, std::vector<RetrievalScore>{{8192, 17, 20}}).retrieves_to, 8192);
  EXPECT_EQ(retrieval_reach({512, 18, 20}, std::vector<RetrievalScore>{{8192, 153, 200}}).retrieves_to, 8192);
  EXPECT_EQ(retrieval_reach({512, 18, 20}, std::vector<RetrievalScore>{{8192, 152, 200}}).retrieves_to,
            std::nullopt);
  EXPECT_EQ(retrieval_reach({512, 20, 20}, std::vector<RetrievalScore>{{8192, 107, 125}}).ruler_to, 8192);
  EXPECT_EQ(retrieval_reach({512, 20, 20}, std::vector<RetrievalScore>{{8192, 106, 125}}).ruler_to,
            std::nullopt);
}

TEST(Derived, AModelThatFindsNothingCannotTell) {
  const std::vector<RetrievalScore> lengths{{8192, 20, 20}};
  const RetrievalReach reach = retrieval_reach({512, 3, 20}, lengths);
  EXPECT_FALSE(reach.can_tell);
  EXPECT_EQ(reach.retrieves_to, std::nullopt);
  EXPECT_EQ(reach.ruler_to, std::nullopt);
  EXPECT_TRUE(retrieval_reach({512, 4, 20}, lengths).can_tell);  // 0.2 itself can
  EXPECT_EQ(retrieval_reach({512, 4, 20}, {}).retrieves_to, std::nullopt);
}

}  // namespace
}  // namespace rw
