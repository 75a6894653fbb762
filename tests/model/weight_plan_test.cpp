// SPDX-License-Identifier: Apache-2.0
/// Which weights stay in memory, by their sizes alone.
#include "model/weight_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rw {
namespace {

/// Layers of `dense` + `experts` bytes, of which a token takes `share`, and an output matrix.
MappedWeights weights_of(std::size_t n, std::size_t dense, std::size_t output, std::size_t experts = 0,
                         double share = 0) {
  MappedWeights weights;
  weights.units.resize(n + 1);
  for (std::size_t i = 0; i < n; ++i) {
    weights.units[i].dense_bytes = dense, weights.units[i].expert_bytes = experts;
    weights.units[i].share_used = share;
  }
  weights.units[n].dense_bytes = output;
  weights.bytes = n * (dense + experts) + output;
  return weights;
}

std::size_t n_streaming(const std::vector<bool>& streams) {
  return static_cast<std::size_t>(std::count(streams.begin(), streams.end(), true));
}

TEST(WeightPlan, NothingStreamsWhereAllFits) {
  const WeightPlan plan = plan_weights(weights_of(10, 100, 50), 1050);
  EXPECT_TRUE(plan.fits());
  EXPECT_EQ(plan.written_bytes, 0);
  for (std::size_t unit = 0; unit < 11; ++unit) EXPECT_FALSE(plan.streams(unit, Taken::kAllExperts));
  EXPECT_EQ(pass_times(plan, {.disk = 1e9, .written = 100, .chunk = 50}).written, 10.5);
}

/// 700: 50 for the output, 200 for the two that pass through, so four of ten layers stay.
TEST(WeightPlan, KeepsWhatLeavesRoomForTwoThatPassThrough) {
  const WeightPlan plan = plan_weights(weights_of(10, 100, 50), 700);
  EXPECT_FALSE(plan.fits());
  EXPECT_EQ(n_streaming(plan.streams_dense), 6u);
  EXPECT_FALSE(plan.streams(10, Taken::kSomeExperts));
  EXPECT_EQ(plan.written_bytes, 600);
  EXPECT_EQ(plan.chunk_bytes, 600);
  const PassTimes slow_disk = pass_times(plan, {.disk = 300, .written = 1e6, .chunk = 1e6});
  EXPECT_EQ(slow_disk.written, 2);
  EXPECT_EQ(slow_disk.chunk, 2);
  const PassTimes slow_products = pass_times(plan, {.disk = 300, .written = 350, .chunk = 100});
  EXPECT_EQ(slow_products.written, 3);  // 1050 bytes
  EXPECT_EQ(slow_products.chunk, 10);   // 1000: chunks have no logits
}

TEST(WeightPlan, SpreadsThemEvenly) {
  const WeightPlan plan = plan_weights(weights_of(9, 100, 0), 800);
  EXPECT_EQ(n_streaming(plan.streams_dense), 3u);
  for (const std::size_t unit : {2u, 5u, 8u}) EXPECT_TRUE(plan.streams_dense[unit]) << unit;
}

/// One byte less than all: what does not stay is as little as may be.
TEST(WeightPlan, EachLayerThatFitsStays) {
  std::size_t before = 11;
  for (std::size_t room = 0; room < 1050; ++room) {
    const WeightPlan plan = plan_weights(weights_of(10, 100, 50), room);
    const std::size_t streaming = n_streaming(plan.streams_dense);
    EXPECT_LE(streaming, before) << room;
    before = streaming;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < 11; ++i) taken += plan.streams_dense[i] ? 0 : i < 10 ? 100 : 50;
    if (streaming < 11 && room >= 250) {
      EXPECT_LE(taken + 200, room);
    }
  }
  EXPECT_EQ(before, 3u);  // two that pass through and eight that stay are one byte too many
}

TEST(WeightPlan, WithoutRoomAllStream) {
  const WeightPlan plan = plan_weights(weights_of(4, 100, 50), 10);
  EXPECT_EQ(n_streaming(plan.streams_dense), 5u);
  EXPECT_EQ(plan.written_bytes, 450);
  EXPECT_EQ(plan.chunk_bytes, 400);  // a prompt's chunks read no output matrix
}

/// Dense parts stay first; a token takes an eighth of the experts, and finds those that are in memory.
TEST(WeightPlan, Experts) {
  const WeightPlan plan = plan_weights(weights_of(8, 10, 20, 800, 0.125), 100 + 3200);
  EXPECT_EQ(n_streaming(plan.streams_dense), 0u);
  EXPECT_DOUBLE_EQ(plan.written_bytes, 8 * 800 * 0.125 / 2);
  EXPECT_EQ(n_streaming(plan.streams_experts), 6u);  // two stay, two pass through
  EXPECT_EQ(plan.chunk_bytes, 6 * 800);
  for (std::size_t unit = 0; unit < 9; ++unit) {
    EXPECT_FALSE(plan.streams(unit, Taken::kSomeExperts)) << unit;
    EXPECT_EQ(plan.streams(unit, Taken::kAllExperts), plan.streams_experts[unit]) << unit;
  }
}

TEST(WeightPlan, ExpertsWithoutRoomForTheDensePart) {
  const WeightPlan plan = plan_weights(weights_of(4, 100, 0, 800, 0.25), 250);
  EXPECT_EQ(n_streaming(plan.streams_dense), 4u);
  EXPECT_EQ(plan.chunk_bytes, 4 * 900);
  EXPECT_DOUBLE_EQ(plan.written_bytes, 400 + 4 * 200 * (1 - 50.0 / 3200));
}

}  // namespace
}  // namespace rw
