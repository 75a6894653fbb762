// SPDX-License-Identifier: Apache-2.0
#include "core/parallel.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace rw {
namespace {

/// More threads than this machine has cores too.
class Parallel : public testing::TestWithParam<int> {
 protected:
  Threads threads_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, Parallel, testing::Values(1, 2, 3, 16, 64),
                         testing::PrintToStringParamName());

/// Whether each of n items was taken once, by a thread that may be.
bool visits_each_once(Threads& threads, Index n) {
  std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
  std::atomic<bool> known{true};
  threads.parallel_for(n, [&](Index i, int thread) {
    ++visits[static_cast<std::size_t>(i)];
    if (thread < 0 || thread >= threads.count()) known = false;
  });
  for (const auto& count : visits)
    if (count != 1) return false;
  return known;
}

TEST_P(Parallel, VisitsEachIndexOnce) {
  for (int job = 0; job < 200; ++job) EXPECT_TRUE(visits_each_once(threads_, job % 150));
}

TEST_P(Parallel, CallsFromSeveralThreadsTakeTurns) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int job = 0; job < 100; ++job)
        if (!visits_each_once(threads_, 40)) ++wrong;
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(Parallel, ABodyMayCallItAgain) {
  std::atomic<Index> sum{0};
  threads_.parallel_for(
      8, [&](Index i, int) { threads_.parallel_for(8, [&](Index j, int) { sum += 8 * i + j; }); });
  EXPECT_EQ(sum, 63 * 64 / 2);
}

std::string error_of(Threads& threads, Index n, Index first_bad) {
  try {
    threads.parallel_for(n, [&](Index i, int) {
      if (i >= first_bad) throw std::runtime_error(std::to_string(i));
    });
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

TEST_P(Parallel, TheFirstErrorReachesTheCallerAndTheThreadsGoOn) {
  for (int job = 0; job < 100; ++job) {
    EXPECT_EQ(error_of(threads_, 100, job), std::to_string(job));
    EXPECT_TRUE(visits_each_once(threads_, 100));
  }
}

TEST_P(Parallel, NoBodyRunsOnceTheErrorIsThere) {
  std::atomic<int> running{0};
  for (int job = 0; job < 50; ++job) {
    EXPECT_THROW(threads_.parallel_for(64,
                                       [&](Index i, int) {
                                         ++running;
                                         if (i % 7 == 3) {
                                           --running;
                                           throw std::runtime_error("bad");
                                         }
                                         std::this_thread::yield();
                                         --running;
                                       }),
                 std::runtime_error);
    EXPECT_EQ(running, 0);
  }
}

// ThreadSanitizer ends a child that makes threads; AddressSanitizer's own locks may be held by a thread that
// the child has not (seen: one of 64 threads, under load).
#ifdef ROPEWALK_SANITIZED
constexpr bool kMayFork = false;
#else
constexpr bool kMayFork = true;
#endif

/// The child's exit status: exit() runs what stands for the end of a process.
int status_of_child(const std::function<int()>& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    std::exit(run());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_P(Parallel, AForkedChildHasThreadsOfItsOwnAndEnds) {
  if (!kMayFork) GTEST_SKIP();
  ASSERT_TRUE(visits_each_once(threads_, 100));  // the parent's threads are there
  EXPECT_EQ(status_of_child([] { return 0; }), 0);
  EXPECT_EQ(status_of_child([this] {
              return visits_each_once(threads_, 100) && error_of(threads_, 100, 5) == "5" ? 7 : 1;
            }),
            7);
  EXPECT_EQ(status_of_child([this] {  // and its own child
              return visits_each_once(threads_, 100) &&
                             status_of_child([this] { return visits_each_once(threads_, 50) ? 7 : 1; }) == 7
                         ? 8
                         : 1;
            }),
            8);
  EXPECT_TRUE(visits_each_once(threads_, 100));
}

TEST_P(Parallel, AChildForkedWhileAnotherThreadWorks) {
  if (!kMayFork) GTEST_SKIP();
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) visits_each_once(threads_, 20);
  });
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(status_of_child([this] { return visits_each_once(threads_, 100) ? 7 : 1; }), 7);
  stop = true;
  other.join();
}

/// One whose threads the parent has, one whose threads it has not, and one that is of the child alone.
TEST_P(Parallel, AForkedChildUsesAndEndsSeveral) {
  if (!kMayFork) GTEST_SKIP();
  auto used = std::make_unique<Threads>(3), unused = std::make_unique<Threads>(3);
  ASSERT_TRUE(visits_each_once(*used, 50));
  EXPECT_EQ(status_of_child([&] {
              Threads own(2);
              for (Threads* threads : {&threads_, used.get(), unused.get(), &own})
                if (!visits_each_once(*threads, 50)) return 1;
              used.reset(), unused.reset();
              return visits_each_once(threads_, 50) ? 7 : 1;
            }),
            7);
  EXPECT_EQ(status_of_child([&] { return used.reset(), 7; }), 7);  // without a thread of its own
  EXPECT_TRUE(visits_each_once(*used, 50));
}

TEST_P(Parallel, ABodyMayCallOthers) {
  Threads other(2);
  std::atomic<Index> sum{0};
  threads_.parallel_for(
      8, [&](Index i, int) { other.parallel_for(8, [&](Index j, int) { sum += 8 * i + j; }); });
  EXPECT_EQ(sum, 63 * 64 / 2);
}

TEST_P(Parallel, TheirNumberMayChangeBetweenJobs) {
  for (const int n : {2, 5, 1, 3}) {
    threads_.set_count(n);
    EXPECT_EQ(threads_.count(), n);
    EXPECT_TRUE(visits_each_once(threads_, 100));
  }
}

TEST(UsableCores, ProcessesThatWereStartedTogetherShareThem) {
  EXPECT_LE(usable_cores_of(1), usable_cores());
  EXPECT_LE(usable_cores_of(2), usable_cores_of(1));
  EXPECT_EQ(usable_cores_of(1 << 20), 1);
}

}  // namespace
}  // namespace rw
