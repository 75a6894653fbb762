// SPDX-License-Identifier: Apache-2.0
#include "core/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace ropewalk {
namespace {

TEST(PagePool, PiecesAreZeroedApartAndGoBackToTheSystem) {
  const std::size_t before = pool_bytes();
  constexpr Index kBytes = 100000;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::shared_ptr<std::byte>> pieces;
    for (int i = 0; i < 50; ++i) {
      pieces.push_back(take_pages(kBytes));
      std::byte* p = pieces.back().get();
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0u);
      EXPECT_TRUE(std::all_of(p, p + kBytes, [](std::byte b) { return b == std::byte{0}; }));
      std::memset(p, i + 1, kBytes);
      if (i % 3 == 2) pieces[static_cast<std::size_t>(i) - 1] = nullptr;  // a piece to be used again
    }
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (pieces[i]) {
        EXPECT_EQ(pieces[i].get()[kBytes - 1], static_cast<std::byte>(i + 1));
      }
    EXPECT_GE(pool_bytes() - before, 33u * kBytes);
    EXPECT_LE(pool_bytes() - before, 50u * kBytes + (4u << 20));
  }
  EXPECT_EQ(pool_bytes(), before);
}

TEST(PagePool, LargePiecesAndOtherThreads) {
  const std::size_t before = pool_bytes();
  const auto large = take_pages(Index{5} << 20);
  large.get()[(5 << 20) - 1] = std::byte{1};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) std::memset(take_pages(4096).get(), i, 4096);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool_bytes() - before, std::size_t{6} << 20);
}

}  // namespace
}  // namespace ropewalk
