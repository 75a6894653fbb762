// SPDX-License-Identifier: Apache-2.0
/// --jobs: a command runs itself several times, each time on a share of its work.
#pragma once
#include <string>
#include <vector>

namespace rw {

/// Runs this command n_jobs times, each on its share of the items and of n_threads, and waits. `blank`:
/// options that get an empty value. Errors: Error when one of them failed (the others end their work).
void run_jobs(int n_jobs, int n_threads, int shard, int n_shards,
              const std::vector<std::string>& blank = {"--report"});

/// Whether this process is one of --jobs: it shows its progress and says nothing else.
bool is_job();
/// Of a job: the shard "k/n" that it shares with the others; else `own`.
std::string share_of_job(const std::string& own);

/// In such a process: it ends when the one that started it does, even by SIGKILL, so that nobody goes on
/// working for nobody. First thing in main().
void end_with_parent();

}  // namespace rw
