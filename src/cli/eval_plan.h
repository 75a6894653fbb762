// SPDX-License-Identifier: Apache-2.0
/// Parts of ropewalk eval: the plan that --dry-run prints, and the processes of --jobs.
#pragma once
#include "judge/runner.h"

namespace ropewalk {

/// Every item with the time and memory it will take; the pace is measured on 1,024 tokens. Returns 0.
int print_plan(const Model& model, const std::vector<Document>& documents, const RunnerOptions& options,
               const RunInfo& info, bool json);

/// Runs this command n_jobs times, each on its share of the items and of the cores, and waits.
/// Errors: Error when one of them failed (the others end their work).
void run_jobs(int n_jobs, int shard, int n_shards);

}  // namespace ropewalk
