// SPDX-License-Identifier: Apache-2.0
/// A training run in a checkpoint (train/checkpoint.h), and on from it to the same bits.
#pragma once
#include <optional>
#include <string>

#include "core/json.h"
#include "train/trainer.h"

namespace rw {

/// Writes the next checkpoint of the folder, and takes away all but the newest two. `about`: an object that
/// says what the run is of (the hash of its settings, its method). Errors: Error where it cannot be written;
/// those that were there stay.
void save_run(const std::string& folder, const TrainerState& state, Json about);

/// Reads the newest checkpoint into the trainer's arrays and sets its step. Returns its `about`, or
/// nullopt where there is none. `older_too`: as latest_checkpoint. Errors: Error naming the file whose bytes
/// are not those that were written, that is missing, or that is of a model of another size; the trainer is
/// then not to be used.
std::optional<JsonInput> resume_run(const std::string& folder, Trainer& trainer, bool older_too = false);

/// What is left of a run of that folder that stopped in step `stopped`, in words: the checkpoint that is gone
/// back to, and which one to take away where it is broken itself. `by_spike`: the loss was a number, which
/// another limit lets pass.
std::string left_by_stop(const std::string& folder, Index stopped, bool by_spike);

/// What stands in it under `key`. Errors: Error where there is no such thing of that type.
template <class T>
T saved_about(const JsonInput& about, const std::string& folder, const char* key) {
  try {
    return about.at(key).get<T>();
  } catch (const JsonInput::exception& e) {
    throw Error(folder, fmt::format("a checkpoint that says its \"{}\"", key), e.what());
  }
}

}  // namespace rw
