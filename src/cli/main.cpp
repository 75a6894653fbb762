// SPDX-License-Identifier: Apache-2.0
/// ropewalk: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a bug of ours.
#include <fmt/format.h>

#include <new>

#include "cli/command_line.h"
#include "core/error.h"

int main(int argc, char** argv) {
  try {
    return ropewalk::run_command_line(argc, argv);
  } catch (const ropewalk::UsageError& e) {
    fmt::print(stderr, "ropewalk: {}\n", e.what());
    return 2;
  } catch (const ropewalk::Error& e) {
    fmt::print(stderr, "ropewalk: {}\n", e.what());
    return 1;
  } catch (const std::bad_alloc&) {
    fmt::print(
        stderr,
        "ropewalk: memory: expected enough for this length; found none left; hint: ask for a shorter one\n");
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "ropewalk: this is a bug of ours: {}\n", e.what());
    return 3;
  }
}
