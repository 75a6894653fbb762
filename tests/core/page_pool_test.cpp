// SPDX-License-Identifier: Apache-2.0
#include "core/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace rw {
namespace {

TEST(PagePool, PiecesAreZeroedAndApart) {
  PagePool pool;
  constexpr Index kBytes = 100000;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::shared_ptr<std::byte>> pieces;
    for (int i = 0; i < 50; ++i) {
      pieces.push_back(pool.take(kBytes));
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
    EXPECT_GE(pool.bytes(), 33u * kBytes);
    EXPECT_LE(pool.bytes(), 50u * kBytes + (4u << 20));
  }
}

TEST(PagePool, KeepsSomeForTheNextSessionAndGivesTheRestBack) {
  constexpr Index kBytes = Index{3} << 20;
  PagePool pool;
  std::vector<std::shared_ptr<std::byte>> pieces;
  while (pool.bytes() < 2 * kIdleKept) pieces.push_back(pool.take(kBytes));
  pieces.back().get()[7] = std::byte{1};
  pieces.clear();
  EXPECT_LE(pool.bytes(), kIdleKept);
  EXPECT_GE(pool.bytes(), kIdleKept - (4u << 20));
  const std::size_t kept = pool.bytes();
  for (std::size_t i = 0; i < kIdleKept / (4u << 20) - 2; ++i) {
    pieces.push_back(pool.take(kBytes));
    EXPECT_EQ(pieces.back().get()[7], std::byte{0});
  }
  EXPECT_EQ(pool.bytes(), kept);
}

TEST(PagePool, LargePiecesAndOtherThreads) {
  PagePool pool;
  const auto large = pool.take(Index{5} << 20);
  large.get()[(5 << 20) - 1] = std::byte{1};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&pool] {
      for (int i = 0; i < 200; ++i) std::memset(pool.take(4096).get(), i, 4096);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(large.get()[(5 << 20) - 1], std::byte{1});
}

TEST(PagePool, PiecesOutliveIt) {
  auto pool = std::make_unique<PagePool>();
  auto first = pool->take(100000), second = pool->take(100000);
  pool = nullptr;
  std::memset(first.get(), 1, 100000);
  first = nullptr;
  EXPECT_EQ(second.get()[99999], std::byte{0});
  std::memset(second.get(), 2, 100000);
}

TEST(PagePool, CountsWhatWasPromisedAndNotTaken) {
  PagePool pool;
  EXPECT_EQ(pool.promised(), 0u);
  auto first = pool.promise(std::size_t{8} << 20);
  const auto second = pool.promise(std::size_t{1} << 20);
  EXPECT_EQ(pool.promised(), std::size_t{9} << 20);
  const auto piece = pool.take(Index{3} << 20);  // of an area of 4 MiB
  first = pool.promise(std::size_t{5} << 20);
  EXPECT_EQ(pool.promised() + pool.bytes(), std::size_t{9} << 20);
  first = nullptr;
  EXPECT_EQ(pool.promised(), 0u);  // the pool holds for nobody what the second was promised
}

TEST(PagePool, TwoLiveSideBySide) {
  PagePool one, other;
  const auto piece = one.take(100000);
  EXPECT_GT(one.bytes(), 0u);
  EXPECT_EQ(other.bytes(), 0u);
}

}  // namespace
}  // namespace rw
