// SPDX-License-Identifier: Apache-2.0
#include "cli/jobs.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/event.h>
#else
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "cli/command.h"
#include "core/error.h"
#include "core/text.h"
#include "core/this_program.h"

extern char** environ;

namespace rw {
namespace {

constexpr const char kShare[] = "ROPEWALK_JOB_SHARE";  // the shard that the jobs share
constexpr const char kJob[] = "ROPEWALK_JOB";          // in a job's environment: the process that started it

/// The first job's progress stands for all; the others are quiet but for errors, which come with the status.
pid_t start_job(std::vector<std::string> arguments, bool quiet) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (quiet) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, this_program().c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Error("--jobs", "to start a process", std::strerror(error));
  return pid;
}

}  // namespace

std::string share_of_job(const std::string& own) {
  const char* share = std::getenv(kShare);
  return is_job() && share != nullptr ? share : own;
}

bool is_job() { return std::getenv(kJob) != nullptr; }

void end_with_parent() {
  const char* parent = std::getenv(kJob);
  if (parent == nullptr) return;
#ifdef __APPLE__
  std::thread([process = ::getppid()] {
    struct kevent end;
    EV_SET(&end, process, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
    if (::kevent(::kqueue(), &end, 1, &end, 1, nullptr) == 1) ::_exit(1);
  }).detach();
#else
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (std::to_string(::getppid()) != parent) ::_exit(1);  // it had ended before that
}

void run_jobs(int n_jobs, int n_threads, int shard, int n_shards, const std::vector<std::string>& blank) {
  const std::vector<std::string> own = words_of_this_program();
  const int each = std::max(1, n_threads / n_jobs);
  say(fmt::format("{} with {} each; what the first one shows stands for all", counted(n_jobs, "job"),
                  counted(each, "thread")));
  ::setenv(kJob, std::to_string(::getpid()).c_str(), 1);
  ::setenv(kShare, fmt::format("{}/{}", shard, n_shards).c_str(), 1);
  std::vector<pid_t> jobs;
  for (int j = 0; j < n_jobs; ++j) {
    std::vector<std::string> arguments = own;
    // The last of an option counts. Item i of this shard goes to job i % n_jobs.
    for (const std::string& more : {std::string("--jobs"), std::string("1"), std::string("--shard"),
                                    fmt::format("{}/{}", shard + j * n_shards, n_shards * n_jobs),
                                    std::string("--threads"), fmt::format("{}", each)})
      arguments.push_back(more);
    for (const std::string& option : blank) arguments.push_back(option), arguments.emplace_back();
    jobs.push_back(start_job(std::move(arguments), j > 0));
  }
  ::unsetenv(kJob), ::unsetenv(kShare);
  int failed = 0;
  for (const pid_t job : jobs) {
    int status = 0;
    while (::waitpid(job, &status, 0) < 0 && errno == EINTR) {
    }
    failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  }
  if (failed > 0)
    throw Error("--jobs", counted(n_jobs, "process") + " to end well", fmt::format("{} that failed", failed),
                "run with --jobs 1 to see why; finished items are kept");
}

}  // namespace rw
