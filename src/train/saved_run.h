// SPDX-License-Identifier: Apache-2.0
/// A training run in a checkpoint (train/checkpoint.h), and on from it to the same bits.
#pragma once
#include <optional>
#include <string>

#include "train/trainer.h"

namespace ropewalk {

/// Writes the next checkpoint of the folder, and takes away all but the newest two. `of`: what the run is of
/// (the hash of its settings). Errors: Error where it cannot be written; those that were there stay.
void save_run(const std::string& folder, const TrainerState& state, const std::string& of);

/// Reads the newest checkpoint into the trainer's arrays and sets its step. Returns what it is of, or nullopt
/// where there is none. Errors: Error naming the file whose bytes are not those that were written, that is
/// missing, or that is of a model of another size; the trainer is then not to be used.
std::optional<std::string> resume_run(const std::string& folder, Trainer& trainer);

}  // namespace ropewalk
