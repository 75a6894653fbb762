// SPDX-License-Identifier: Apache-2.0
#include "core/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

extern char** environ;

namespace rw {
namespace {

constexpr std::size_t kMostErrorBytes = 4096;

[[noreturn]] void fail(const std::string& name, int error) {
  throw Error(name, "a program that can be started", std::strerror(error),
              "end other programs, or raise the limits of this one (ulimit)");
}

/// A pipe whose ends no other child inherits.
struct Pipe {
  int read_end = -1, write_end = -1;
  explicit Pipe(const std::string& name) {
    std::array<int, 2> ends{};
#ifdef __APPLE__
    if (pipe(ends.data()) != 0) fail(name, errno);
    for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
#else
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(name, errno);
#endif
    read_end = ends[0], write_end = ends[1];
  }
  ~Pipe() { close_both(); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_read() { close_end(read_end); }
  void close_write() { close_end(write_end); }
  void close_both() { close_read(), close_write(); }

 private:
  static void close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
};

struct Actions {
  posix_spawn_file_actions_t list;
  Actions() { posix_spawn_file_actions_init(&list); }
  ~Actions() { posix_spawn_file_actions_destroy(&list); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
};

/// An errno; 0: it runs.
int start(const std::vector<std::string>& words, int out, int error, pid_t& child) {
  Actions actions;
  posix_spawn_file_actions_addopen(&actions.list, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.list, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.list, error, STDERR_FILENO);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return posix_spawnp(&child, arguments[0], &actions.list, nullptr, arguments.data(), environ);
}

/// Holds from now on for the child and for what it starts. Memory is RLIMIT_DATA: pandoc reserves addresses
/// by the terabyte. A child that has ended already is none to limit. (On macOS nobody limits another process,
/// nor its memory: limited_by_shell limits the seconds.)
void limit([[maybe_unused]] pid_t child, [[maybe_unused]] const ProgramLimits& limits) {
#ifdef __linux__
  const rlimit seconds{limits.seconds, limits.seconds + 5}, bytes{limits.bytes, limits.bytes};
  prlimit(child, RLIMIT_CPU, &seconds, nullptr);
  prlimit(child, RLIMIT_DATA, &bytes, nullptr);
#endif
}

/// The same program, by a shell that limits its seconds first where limit() cannot.
std::vector<std::string> limited_by_shell(const std::vector<std::string>& words,
                                          [[maybe_unused]] const ProgramLimits& limits) {
#ifdef __APPLE__
  if (!program_exists(words[0])) return words;  // start() says so
  std::vector<std::string> all{"/bin/sh", "-c", fmt::format("ulimit -t {}; exec \"$@\"", limits.seconds),
                               "sh"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
#else
  return words;
#endif
}

/// Appends what the pipe has now; false at its end.
bool take(int end, std::string& text) {
  std::array<char, 1 << 16> bytes;
  const ssize_t n = read(end, bytes.data(), bytes.size());
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  text.append(bytes.data(), static_cast<std::size_t>(n));
  return n > 0;
}

/// Both pipes to their ends, or until there is too much.
void read_all(Pipe& out, Pipe& error, std::size_t most_bytes, ProgramOutput& result) {
  while ((out.read_end >= 0 || error.read_end >= 0) && !result.too_long) {
    std::array<pollfd, 2> ends{
        {{out.read_end, POLLIN, 0}, {error.read_end, POLLIN, 0}}};  // -1 is passed over
    if (poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) break;
    if (ends[0].revents != 0 && !take(out.read_end, result.out)) out.close_read();
    if (ends[1].revents != 0) {
      if (!take(error.read_end, result.error)) error.close_read();
      result.error.resize(std::min(result.error.size(), kMostErrorBytes));
    }
    result.too_long = result.out.size() > most_bytes;
  }
}

}  // namespace

bool program_exists(const std::string& name) {
  const char* path = std::getenv("PATH");
  const std::string folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string folder = folders.substr(at, end - at);
    if (access(((folder.empty() ? "." : folder) + "/" + name).c_str(), X_OK) == 0) return true;
    at = end + 1;
  }
  return false;
}

ProgramOutput run_program(const std::vector<std::string>& words, std::size_t most_bytes,
                          const ProgramLimits& limits) {
  RW_CHECK(!words.empty());
  ProgramOutput result;
  Pipe out(words[0]), error(words[0]);
  pid_t child = 0;
  const std::vector<std::string> limited = limited_by_shell(words, limits);
  const int failed = start(limited, out.write_end, error.write_end, child);
  if (failed == ENOENT || failed == EACCES) return result;
  if (failed != 0) fail(words[0], failed);
  result.found = true;
  limit(child, limits);
  out.close_write(), error.close_write();
  read_all(out, error, most_bytes, result);
  if (result.too_long) kill(child, SIGKILL);
  out.close_both(), error.close_both();
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  // A shell says with its own code that SIGXCPU ended what it started.
  result.too_slow = !result.too_long && result.code == 128 + SIGXCPU;
  return result;
}

}  // namespace rw
