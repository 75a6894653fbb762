// SPDX-License-Identifier: Apache-2.0
/// ropewalk: the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a bug of ours.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <csignal>
#include <cstdio>
#include <new>
#include <system_error>

#include "cli/command_line.h"
#include "cli/jobs.h"
#include "cli/ranks.h"
#include "core/error.h"
#include "core/option.h"

/// Where addresses are limited (ulimit -v), glibc's arena of 64 MB for each thread would take what was
/// counted on.
void share_one_arena() {
#ifdef M_ARENA_MAX
  rlimit addresses{};
  if (::getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY)
    ::mallopt(M_ARENA_MAX, 1);
#endif
}

/// A mapped file that another program cuts short ends a process that reads on in it.
extern "C" void say_cut(int) {
  constexpr char kText[] =
      "ropewalk: a file that is read: expected to stay as it was; found cut short by another program; hint: "
      "mv puts a new file in its place, and does not touch the old one\n";
  (void)!::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(1);
}

/// Runs the command and says what went wrong; the exit code.
int run(int argc, char** argv) {
  try {
    const int code = rw::run_command_line(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
      rw::tell_error("standard output: expected room for it; found none; hint: is the disk full?");
      return 1;
    }
    return code;
  } catch (const rw::UsageError& e) {
    rw::tell_error(e.what());
    return 2;
  } catch (const rw::Error& e) {
    rw::tell_error(e.what());
    return 1;
  } catch (const std::system_error& e) {
    rw::tell_error(
        fmt::format("output: expected to be written; found {}; hint: is the disk full?", e.what()));
    return 1;
  } catch (const std::bad_alloc&) {
    rw::tell_error(
        "memory: expected enough for what was asked; found none left; hint: ask for less: a shorter text, "
        "fewer tokens at once or a smaller model");
    return 1;
  } catch (const std::exception& e) {
    rw::tell_error(fmt::format("this is a bug of ours: {}", e.what()));
    return 3;
  }
}

int main(int argc, char** argv) {
  // Without one of these, what is read or written there would go to the first file that is opened. Standard
  // output is opened for reading: who writes to it learns that there is none.
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0 && ::open("/dev/null", file == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
      return 1;
  std::signal(SIGXFSZ, SIG_IGN);  // past ulimit -f a write fails, and says so
  std::signal(SIGBUS, say_cut);
  share_one_arena();
  rw::options_are_flags();
  rw::end_with_parent();
  rw::hush_other_ranks();
  const int code = run(argc, argv);
  rw::end_ranks(code);
  return code;
}
