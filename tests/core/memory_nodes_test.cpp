// SPDX-License-Identifier: Apache-2.0
/// Made-up machines of several memory nodes.
#include "core/memory_nodes.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

#include "core/parallel.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

/// A /sys with these files below devices/system/node.
class MemoryNodesTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(sys_); }
  void TearDown() override { fs::remove_all(sys_); }
  void write(const std::string& name, const std::string& text) const {
    const fs::path path = sys_ / "devices/system/node" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  MemoryNodes read(const std::vector<int>& allowed) const {
    return read_memory_nodes(sys_.string(), allowed);
  }
  const fs::path sys_ = fs::temp_directory_path() / ("ropewalk_nodes_test_" + std::to_string(::getpid()));
};

std::vector<int> cores(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST_F(MemoryNodesTest, ListsOfCores) {
  EXPECT_EQ(parse_cores("0-3,8,10-11\n"), (std::vector<int>{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cores("5"), (std::vector<int>{5}));
  for (const char* none : {"", "\n", "a", "3-1", "1,", ",1", "1-", "-1", "0-99999999", "1 2"})
    EXPECT_TRUE(parse_cores(none).empty()) << none;
}

TEST_F(MemoryNodesTest, OfTwoSockets) {
  write("online", "0-1\n");
  write("node0/cpulist", "0-3,8-11\n");
  write("node1/cpulist", "4-7,12-15\n");
  EXPECT_EQ(read(cores(16)), (MemoryNodes{{0, 1, 2, 3, 8, 9, 10, 11}, {4, 5, 6, 7, 12, 13, 14, 15}}));
  EXPECT_EQ(read({2, 3, 4}), (MemoryNodes{{2, 3}, {4}}));  // of a container
  EXPECT_EQ(read({5, 6}), (MemoryNodes{{5, 6}}));
}

TEST_F(MemoryNodesTest, ANodeWithoutCoresIsNone) {
  write("online", "0,2\n");
  write("node0/cpulist", "0-1\n");
  write("node2/cpulist", "\n");
  EXPECT_EQ(read(cores(2)), (MemoryNodes{{0, 1}}));
}

TEST_F(MemoryNodesTest, WhatIsNotToldIsOneNode) {
  EXPECT_EQ(read(cores(4)), MemoryNodes{cores(4)});
  write("online", "0-1\n");
  write("node0/cpulist", "0-1\n");  // of four cores two are on no node
  EXPECT_EQ(read(cores(4)), MemoryNodes{cores(4)});
  write("online", "many\n");
  EXPECT_EQ(read(cores(4)), MemoryNodes{cores(4)});
}

TEST_F(MemoryNodesTest, ThreadsStandInBlocks) {
  const auto blocks = [](const MemoryNodes& nodes, int n) {
    std::vector<std::size_t> of;
    for (int t = 0; t < n; ++t) of.push_back(node_of_thread(nodes, t, n));
    return of;
  };
  const MemoryNodes even{{0, 1}, {2, 3}};
  EXPECT_EQ(blocks(even, 4), (std::vector<std::size_t>{0, 0, 1, 1}));
  EXPECT_EQ(blocks(even, 2), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(blocks(even, 3), (std::vector<std::size_t>{0, 0, 1}));
  EXPECT_EQ(blocks(even, 1), (std::vector<std::size_t>{0}));
  EXPECT_EQ(blocks({{0}, {1, 2, 3}}, 4), (std::vector<std::size_t>{0, 1, 1, 1}));
  EXPECT_EQ(blocks({{0, 1, 2}}, 5), (std::vector<std::size_t>(5, 0)));
}

/// Nodes that this machine need not have: only where threads run is then the system's affair.
const MemoryNodes kTwo{{0}, {1}};

TEST(ThreadsOfTwoNodes, TakeEachItemOnce) {
  for (const int n_threads : {1, 2, 3, 4, 7}) {
    Threads threads(n_threads, kTwo);
    for (const Index n : {0, 1, 2, 3, 64, 1001}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
      threads.parallel_for(n, [&](Index i, int) { ++visits[static_cast<std::size_t>(i)]; });
      for (const auto& count : visits) EXPECT_EQ(count, 1) << n_threads << " threads, " << n;
    }
  }
}

/// The first items of a call are begun by threads of their own node, as often as it is called.
TEST(ThreadsOfTwoNodes, BeginWithTheSameBlocks) {
  Threads threads(2, kTwo);
  for (int call = 0; call < 20; ++call) {
    std::atomic<int> n_begun{0};
    std::atomic<Index> first[2] = {-1, -1};
    threads.parallel_for(100, [&](Index i, int thread) {
      Index none = -1;
      if (first[thread].compare_exchange_strong(none, i)) ++n_begun;
      while (n_begun < 2) std::this_thread::yield();  // until both have one
    });
    EXPECT_EQ(first[0], 0);
    EXPECT_EQ(first[1], 50);
  }
}

TEST(ThreadsOfTwoNodes, StayThere) {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
  if (!CPU_ISSET(0, &mine) || !CPU_ISSET(1, &mine)) GTEST_SKIP() << "this process may not use cores 0 and 1";
  Threads threads(4, kTwo);
  std::mutex mutex;
  std::set<std::pair<int, int>> seen;  // thread, core
  std::set<int> threads_seen;
  for (int call = 0; call < 200 && threads_seen.size() < 4; ++call)
    threads.parallel_for(64, [&](Index, int thread) {
      const std::lock_guard lock(mutex);
      cpu_set_t set;
      CPU_ZERO(&set);
      sched_getaffinity(0, sizeof set, &set);
      threads_seen.insert(thread);
      if (thread > 0) {
        EXPECT_EQ(CPU_COUNT(&set), 1);
        EXPECT_TRUE(CPU_ISSET(thread < 2 ? 0 : 1, &set)) << thread;
      } else {
        EXPECT_TRUE(CPU_EQUAL(&set, &mine));  // the caller's is its own affair
      }
      std::this_thread::yield();
    });
  EXPECT_EQ(threads_seen.size(), 4u);
}

/// Of failures in both blocks the first is thrown, whichever comes first in time.
TEST(ThreadsOfTwoNodes, OfFailuresTheFirstIsThrown) {
  for (const int n_threads : {1, 2, 4}) {
    Threads threads(n_threads, kTwo);
    for (int call = 0; call < 50; ++call) try {
        threads.parallel_for(200, [&](Index i, int) {
          if (i == 37 || i == 101 || i == 150) throw static_cast<int>(i);
        });
        ADD_FAILURE() << "nothing was thrown";
      } catch (int i) {
        EXPECT_EQ(i, 37);
      }
  }
}

}  // namespace
}  // namespace rw
