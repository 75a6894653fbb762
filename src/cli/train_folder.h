// SPDX-License-Identifier: Apache-2.0
/// The folder of a training run: what in it is the run's own, and may be written over.
#pragma once
#include <string>

#include "cli/train_run.h"

namespace rw {

/// A folder is that of a run where its log.jsonl is one of steps (cli/train_log.h), which is the first thing
/// that a run writes. Reads alone. Errors: UsageError that names what stands in `options.out` by a name that
/// a run writes to and is of no run; a run that is there and is not to be gone on with; a model or a
/// tokenizer that the run would read and write over.
void require_own_folder(const TrainConfig& config, const TrainRunOptions& options);
/// Errors: Error.
void make_folder(const std::string& folder);
/// The log without a line where there is none; what a killed run left half-written is taken away. REQUIRES:
/// the folder is there, its lock is held (core/folder_lock.h), and it is a run's own. Errors: Error.
void begin_folder(const std::string& folder);
/// Takes away what a run starts from (train/new_model.h: write_untrained), once it has ended.
void remove_start(const std::string& folder);

}  // namespace rw
