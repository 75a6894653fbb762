// SPDX-License-Identifier: Apache-2.0
#include "cli/eval_plan.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "cli/command.h"
#include "core/parallel.h"

extern char** environ;

namespace ropewalk {
namespace {

std::vector<std::string> own_arguments() {
  std::string bytes = read_bytes("/proc/self/cmdline");
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < bytes.size(); at = bytes.find('\0', at) + 1) {
    arguments.emplace_back(bytes.c_str() + at);
    if (bytes.find('\0', at) == std::string::npos) break;
  }
  return arguments;
}

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
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Error("--jobs", "to start a process", std::strerror(error));
  return pid;
}

}  // namespace

int print_plan(const Model& model, const std::vector<Document>& documents, const RunnerOptions& options,
               const RunInfo& info, bool json) {
  const std::vector<Item> items =
      shard_of(plan_items(model, documents, options.plan, info), options.shard, options.n_shards);
  const double unit = measure_pace(model);
  double seconds = 0, known_seconds = 0;
  std::size_t bytes = 0;
  Json rows = Json::array();
  if (!json)
    fmt::print("{:<22} {:<13} {:<20} {:>7} {:>4} {:>6} {:>5}\n", "document", "task", "method", "tokens",
               "seed", "s", "MB");
  for (const Item& item : items) {
    const bool known = options.store && item_known(item, *options.store);
    const double own = item.cost * unit;
    (known ? known_seconds : seconds) += own;
    bytes = std::max(bytes, item.bytes);
    const std::string& document = documents[item.document].name;
    if (json)
      rows.push_back({{"document", document},
                      {"task", item.task},
                      {"method", item.method},
                      {"length", item.length},
                      {"seed", item.seed},
                      {"seconds", own},
                      {"bytes", item.bytes},
                      {"done", known}});
    else
      fmt::print("{:<22} {:<13} {:<20} {:>7} {:>4} {:>6} {:>5}\n", document, item.task, item.method,
                 item.length, item.seed, known ? "done" : fmt::format("{:.1f}", own), item.bytes / 1000000);
  }
  if (json)
    fmt::print("{}\n", dump_json({{"items", rows}, {"seconds", seconds}, {"bytes", bytes}}));
  else
    fmt::print("{} items; about {:.0f} s are left, {:.0f} s are done; at most {} MB beside the model\n",
               items.size(), seconds, known_seconds, bytes / 1000000);
  return 0;
}

void run_jobs(int n_jobs, int shard, int n_shards) {
  const std::vector<std::string> own = own_arguments();
  std::vector<pid_t> jobs;
  for (int j = 0; j < n_jobs; ++j) {
    std::vector<std::string> arguments = own;
    // The last of an option counts. Item i of this shard goes to job i % n_jobs.
    for (const std::string& more :
         {std::string("--jobs"), std::string("1"), std::string("--shard"),
          fmt::format("{}/{}", shard + j * n_shards, n_shards * n_jobs), std::string("--threads"),
          fmt::format("{}", std::max(1, threads() / n_jobs)), std::string("--report"), std::string()})
      arguments.push_back(more);
    jobs.push_back(start_job(std::move(arguments), j > 0));
  }
  int failed = 0;
  for (const pid_t job : jobs) {
    int status = 0;
    while (::waitpid(job, &status, 0) < 0 && errno == EINTR) {
    }
    failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  }
  if (failed > 0)
    throw Error("--jobs", fmt::format("{} processes that end well", n_jobs),
                fmt::format("{} that failed", failed),
                "run with --jobs 1 to see why; finished items are kept");
}

}  // namespace ropewalk
