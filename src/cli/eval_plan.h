// SPDX-License-Identifier: Apache-2.0
/// Parts that eval and questions share: where results go and who does the work, the plan that --dry-run
/// prints, and the processes of --jobs.
#pragma once
#include "cli/command.h"
#include "judge/runner.h"

namespace rw {

/// --out, --report, --budget, --jobs, --shard and --dry-run.
struct WorkOptions {
  std::string out, report, budget, shard = "1/1";
  int jobs = 1;  // 0: one for each core; budget: empty where it was not said
  bool has_budget() const { return !budget.empty() && budget != "0"; }
  bool dry_run = false;
  void define(CommandLine& app);
  /// Budget and shard. Errors: UsageError for what is no such thing, or needs --out.
  RunnerOptions runner_options() const;
  int n_jobs(const Context& context) const;  ///< processes
  /// With --jobs: does the work in processes, and leaves this one only to collect what they stored. `blank`:
  /// options of files that these must not write. Returns whether there were jobs.
  bool run_jobs(int shard, int n_shards, const Context& context,
                const std::vector<std::string>& blank = {}) const;
  /// Opened before the work; absent without --out. Errors: Error (see Store).
  std::optional<Store> open_store() const;
  /// Lines on stderr: what was known, what did not fit. `unit`: "document" or "question".
  void say_what_was_done(const RunnerResult& result, std::size_t n_documents, const char* unit,
                         int n_processes) const;

 private:
  void require_same_array(const Store& store) const;
};

/// "2/3": the second of three; "auto": this task of a SLURM array. Errors: UsageError.
std::pair<int, int> parse_shard(const std::string& text);

/// Every item with the time and memory it will take; the pace is measured on 1,024 tokens. Returns 0. Errors:
/// UsageError, behind the plan, as the run has it: see announcer.
int print_plan(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
               const RunnerOptions& options, const RunInfo& info, bool json, bool budget_asked);

}  // namespace rw
