// SPDX-License-Identifier: Apache-2.0
/// The folder of a training run: what in it is the run's own, and may be written over.
#pragma once
#include <string>

#include "cli/train_run.h"

namespace ropewalk {

/// A folder is that of a run where its log.jsonl is one of steps (cli/train_log.h), which is the first thing
/// that a run writes. Reads alone. Errors: UsageError that names what stands in `options.out` by a name that
/// a run writes to and is of no run; a run that is there and is not to be gone on with; a model or a
/// tokenizer that the run would read and write over.
void require_own_folder(const TrainConfig& config, const TrainRunOptions& options);
/// Makes the folder, and the log without a line where there is none. Errors: Error.
void begin_folder(const std::string& folder);
/// Takes away what a run starts from (train/new_model.h: write_untrained), once it has ended.
void remove_start(const std::string& folder);

}  // namespace ropewalk
