// SPDX-License-Identifier: Apache-2.0
#include "train/saved_run.h"

#include "train/checkpoint.h"

namespace ropewalk {

void save_run(const std::string& folder, const TrainerState& state, const std::string& of) {
  std::vector<CheckpointFile> files;
  for (const StateArray& array : state.arrays) files.push_back({array.name, std::as_bytes(array.values)});
  write_checkpoint(folder, state.step, files, {{"of", of}, {"recent", state.recent}});
}

std::optional<std::string> resume_run(const std::string& folder, Trainer& trainer) {
  const std::optional<Checkpoint> checkpoint = latest_checkpoint(folder);
  if (!checkpoint) return std::nullopt;
  const TrainerState state = trainer.state();
  for (const StateArray& array : state.arrays)
    if (!checkpoint->has(array.name) || checkpoint->n_bytes(array.name) != array.values.size_bytes())
      throw Error(
          checkpoint->path(), fmt::format("{} of {} bytes", array.name, array.values.size_bytes()),
          checkpoint->has(array.name) ? fmt::format("{}", checkpoint->n_bytes(array.name)) : "no such file",
          "it is of a model of other sizes, or of another optimizer");
  for (const StateArray& array : state.arrays)
    checkpoint->read(array.name, std::as_writable_bytes(array.values));
  try {
    trainer.go_on_from(checkpoint->step(), checkpoint->about().at("recent").get<std::vector<double>>());
    return checkpoint->about().at("of").get<std::string>();
  } catch (const JsonInput::exception& e) {
    throw Error(checkpoint->path(), "what a training run saves", e.what());
  }
}

}  // namespace ropewalk
