// SPDX-License-Identifier: Apache-2.0
#include "core/program.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace rw {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TEST(Program, its_output_its_errors_and_its_code) {
  const ProgramOutput output = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"}, kMegabyte);
  EXPECT_TRUE(output.found);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.error, "err\n");
  EXPECT_EQ(output.code, 3);
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}, kMegabyte).code, 128 + 9);
}

TEST(Program, words_are_no_shell_text) {
  const std::string word = "$(echo no); `echo no` 'a' \"b\" *\n";
  EXPECT_EQ(run_program({"printf", "%s", word}, kMegabyte).out, word);
}

TEST(Program, one_that_is_not_there) {
  EXPECT_FALSE(run_program({"no-such-program-of-ropewalk"}, kMegabyte).found);
  EXPECT_FALSE(program_exists("no-such-program-of-ropewalk"));
  EXPECT_TRUE(program_exists("sh"));
}

TEST(Program, has_nothing_to_read) { EXPECT_EQ(run_program({"cat"}, kMegabyte).out, ""); }

/// More than a pipe holds, on both at once: nobody waits for the other.
TEST(Program, much_of_both) {
  const ProgramOutput output =
      run_program({"sh", "-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"}, 8 * kMegabyte);
  EXPECT_EQ(output.out.size(), 3000000u);
  EXPECT_EQ(output.error.size(), 4096u);
  EXPECT_EQ(output.code, 0);
}

TEST(Program, one_that_never_ends_is_ended) {
  const ProgramOutput output = run_program({"yes"}, kMegabyte);
  EXPECT_TRUE(output.too_long);
  EXPECT_EQ(output.code, 128 + 9);
}

TEST(Program, one_that_takes_too_much_is_ended) {
  const ProgramOutput slow =
      run_program({"sh", "-c", "while :; do :; done"}, kMegabyte, {.seconds = 1, .bytes = kMegabyte << 10});
  EXPECT_TRUE(slow.too_slow);
  EXPECT_FALSE(slow.too_long);
  const ProgramOutput large =
      run_program({"sh", "-c", "sleep 0.2; head -c 10 /dev/zero | tail -c 1; x=$(yes)"}, kMegabyte,
                  {.seconds = 20, .bytes = 64 * kMegabyte});
  EXPECT_NE(large.code, 0);
  EXPECT_FALSE(large.too_slow);
}

/// A child that inherited another's pipe would keep it open.
TEST(Program, several_at_once) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([] {
      for (int run = 0; run < 20; ++run)
        EXPECT_EQ(run_program({"sh", "-c", "echo one"}, kMegabyte).out, "one\n");
    });
  for (std::thread& each : threads) each.join();
}

}  // namespace
}  // namespace rw
