// SPDX-License-Identifier: Apache-2.0
#include "model/memory.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/machine_limits.h"

namespace rw {
namespace {

TEST(Memory, AContainerMayHaveLessThanItsHost) {
  EXPECT_EQ(memory_left(8000, 2000), 2000u);
  EXPECT_EQ(memory_left(8000, 1e18), 8000u);
  EXPECT_EQ(memory_left(8000, kUnlimited), 8000u);
  EXPECT_EQ(memory_left(0, 2000), 2000u);
  EXPECT_EQ(memory_left(8000, 0), 1u);  // nothing is left; 0 would be: it does not say
  EXPECT_EQ(memory_left(0, kUnlimited), 0u);
}

TEST(Memory, NothingLargerThanTheMachineIsBegun) {
  ASSERT_GT(available_memory(), 0u);
  EXPECT_NO_THROW(require_memory("x", 1, ""));
  EXPECT_THROW(require_memory("x", ~std::size_t{0}, ""), Error);
}

}  // namespace
}  // namespace rw
