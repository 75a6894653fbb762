// SPDX-License-Identifier: Apache-2.0
#include "core/context.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/rotation.h"

namespace rw {
namespace {

/// Sum of 0 ... n - 1, by all threads.
Index sum_of(Context& context, Index n) {
  std::atomic<Index> sum{0};
  context.parallel_for(n, [&](Index i, int) { sum += i; });
  return sum;
}

TEST(Context, NothingOfOneIsTheOthers) {
  Context one({.threads = 3, .isa = "portable"}), other({.threads = 2, .isa = "avx2"});
  EXPECT_EQ(one.threads(), 3);
  EXPECT_EQ(other.threads(), 2);
  EXPECT_EQ(one.isa(), "portable");
  EXPECT_EQ(other.isa(), "avx2");
  other.set_threads(5);
  EXPECT_EQ(one.threads(), 3);

  const auto piece = one.pages().take(100000);
  EXPECT_GE(one.pages().bytes(), 100000u);
  EXPECT_EQ(other.pages().bytes(), 0u);

  one.profile().start();
  EXPECT_FALSE(other.profile().on());
  { const Timed timed(one.profile(), "mine", 1, 2); }
  { const Timed timed(other.profile(), "not measured", 1, 2); }
  EXPECT_TRUE(other.profile().stop().empty());
  const std::vector<OperationTime> measured = one.profile().stop();
  ASSERT_EQ(measured.size(), 1u);
  EXPECT_EQ(measured[0].name, "mine");
  EXPECT_EQ(measured[0].calls, 1);
}

TEST(Context, TheEnvironmentNamesTheInstructionSetWhereNobodyElseDoes) {
  const char* const before = std::getenv("ROPEWALK_ISA");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("ROPEWALK_ISA", "avx2", 1);
  EXPECT_EQ(Context().isa(), "avx2");
  EXPECT_EQ(Context({.threads = 0, .isa = "portable"}).isa(), "portable");
  ::unsetenv("ROPEWALK_ISA");
  EXPECT_EQ(Context().isa(), "");
  if (before != nullptr) ::setenv("ROPEWALK_ISA", kept.c_str(), 1);
}

TEST(Context, TwoWorkAtOnce) {
  Context contexts[2] = {Context({.threads = 4, .isa = ""}), Context({.threads = 3, .isa = ""})};
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (int job = 0; job < 200; ++job)
        if (sum_of(contexts[caller % 2], 50) != 50 * 49 / 2) ++wrong;
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

/// A job of one goes on while the other works: they take no turns with each other.
TEST(Context, OneDoesNotWaitForTheOther) {
  Context slow({.threads = 2, .isa = ""}), fast({.threads = 2, .isa = ""});
  std::atomic<bool> begun{false}, done{false};
  std::thread caller([&] {
    slow.parallel_for(2, [&](Index, int) {
      begun = true;
      while (!done) std::this_thread::yield();
    });
  });
  while (!begun) std::this_thread::yield();
  EXPECT_EQ(sum_of(fast, 50), 50 * 49 / 2);  // would never end
  done = true;
  caller.join();
}

TEST(Context, AnErrorInABodyLeavesItUsable) {
  Context context({.threads = 4, .isa = ""}), other({.threads = 4, .isa = ""});
  for (int job = 0; job < 20; ++job) {
    EXPECT_THROW(context.parallel_for(50,
                                      [&](Index i, int) {
                                        if (i == 7) throw std::runtime_error("bad");
                                      }),
                 std::runtime_error);
    EXPECT_EQ(sum_of(context, 50), 50 * 49 / 2);
    EXPECT_EQ(sum_of(other, 50), 50 * 49 / 2);
  }
}

TEST(Context, ItsThreadsAndPiecesMayOutliveEachOther) {
  std::vector<std::shared_ptr<std::byte>> pieces;
  for (int i = 0; i < 20; ++i) {
    Context context({.threads = 3, .isa = ""});
    EXPECT_EQ(sum_of(context, 50), 50 * 49 / 2);
    pieces.push_back(context.pages().take(5000));
  }
  for (const auto& piece : pieces) piece.get()[4999] = std::byte{1};
}

TEST(Context, RotationTablesAreTheSameWithAndWithoutOne) {
  std::vector<double> positions(1000), theta{1, 0.3, 0.01};
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<double>(i) / 3;
  Context context({.threads = 3, .isa = ""});
  RotationTable alone(positions, theta), together;
  together.make(positions, theta, &context);
  EXPECT_EQ(alone.cosine, together.cosine);
  EXPECT_EQ(alone.sine, together.sine);
}

}  // namespace
}  // namespace rw
