// SPDX-License-Identifier: Apache-2.0
/// Checkpoints of a run: folders FOLDER/checkpoint-STEP, each whole or not there (core/output_folder.h), with
/// the SHA-256 of every file in its manifest.json.
#pragma once
#include <optional>
#include <string>

#include "train/trainer.h"

namespace ropewalk {

/// Writes the next checkpoint, and then takes away all but the newest two. `of`: what the run is of (the hash
/// of its settings). Errors: Error where it cannot be written; those that were
/// there stay.
void save_run(const std::string& folder, const TrainerState& state, const std::string& of);

/// The newest checkpoint's path; empty where there is none.
std::string newest_checkpoint(const std::string& folder);

/// Writes the newest checkpoint into the trainer's arrays and sets its step; what it is of, or nullopt where
/// there is none. Errors: Error naming the file whose bytes are not those that were written, that is missing,
/// or that is of a model of another size.
std::optional<std::string> resume_run(const std::string& folder, Trainer& trainer);

}  // namespace ropewalk
