// SPDX-License-Identifier: Apache-2.0
/// ropewalk: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a bug of ours.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <system_error>

#include "cli/command_line.h"
#include "core/error.h"

int main(int argc, char** argv) {
  // Without a standard error, what is said there would go to the first file that is opened.
  if (::fcntl(STDERR_FILENO, F_GETFD) < 0 && ::open("/dev/null", O_WRONLY) < 0) return 1;
  try {
    const int code = ropewalk::run_command_line(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
      fmt::print(stderr,
                 "ropewalk: standard output: expected room for it; found none; hint: is the disk full?\n");
      return 1;
    }
    return code;
  } catch (const ropewalk::UsageError& e) {
    fmt::print(stderr, "ropewalk: {}\n", e.what());
    return 2;
  } catch (const ropewalk::Error& e) {
    fmt::print(stderr, "ropewalk: {}\n", e.what());
    return 1;
  } catch (const std::system_error& e) {
    fmt::print(stderr, "ropewalk: output: expected to be written; found {}; hint: is the disk full?\n",
               e.what());
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
