// SPDX-License-Identifier: Apache-2.0
#include "results/shards.h"

#include <gtest/gtest.h>

namespace rw {
namespace {

std::string missing(const std::vector<std::string>& shards) {
  std::vector<Record> records;
  for (const std::string& shard : shards) records.emplace_back().shard = shard;
  return missing_shards(records);
}

TEST(ShardsTest, a_part_of_a_plan_is_called_one) {
  EXPECT_EQ(missing({}), "");
  EXPECT_EQ(missing({"", ""}), "");
  EXPECT_EQ(missing({"1/2", "2/2", "1/2"}), "");
  EXPECT_EQ(missing({"1/2", ""}), "");  // a run of the whole plan went on with the file
  EXPECT_EQ(missing({"2/3", "1/3", "2/3"}),
            "Only a part of the plan: 2 of 3 shards; the files of the others belong to it.");
  EXPECT_EQ(missing({"2/4", "4/4", "1/2"}), "");  // begun in halves, gone on with in quarters
  EXPECT_NE(missing({"2/4", "1/2"}).find("some of its shards"), std::string::npos);
}

/// 18 shards of 15 items: three are empty, and nothing is missing without them.
TEST(ShardsTest, shards_behind_the_last_item_are_none) {
  EXPECT_EQ(shard_of_items("3/18", 15), "3/15");
  EXPECT_EQ(shard_of_items("2/3", 15), "2/3");
  EXPECT_EQ(shard_of_items("1/1", 15), "");
  EXPECT_EQ(shard_of_items("", 15), "");
}

/// A file says what it likes.
TEST(ShardsTest, odd_ones_are_none) {
  for (const char* odd : {"0/2", "3/2", "1/0", "-1/2", "1/2x", "x", "1/99999999"})
    EXPECT_EQ(missing({odd}), "") << odd;
  std::vector<std::string> many;
  for (int n = 9999; n > 9980; --n) many.push_back("1/" + std::to_string(n));
  EXPECT_NE(missing(many), "");
}

}  // namespace
}  // namespace rw
