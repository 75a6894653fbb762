// SPDX-License-Identifier: Apache-2.0
#include "train/saved_run.h"

#include "train/checkpoint.h"

namespace rw {

namespace {

/// Parameters of one size would take each other's values. (Runs from before they were named have this order.)
void require_order(const Checkpoint& checkpoint, const std::vector<std::string>& parameters) {
  if (!checkpoint.about().contains("parameters")) return;
  const auto saved =
      saved_about<std::vector<std::string>>(checkpoint.about(), checkpoint.path(), "parameters");
  for (std::size_t i = 0; i < std::max(saved.size(), parameters.size()); ++i) {
    const auto name = [i](const std::vector<std::string>& of) { return i < of.size() ? of[i] : "no more"; };
    if (name(saved) != name(parameters))
      throw Error(
          checkpoint.path(), fmt::format("parameter {}: {}", i, name(parameters)), name(saved),
          "it is of another model, or another version of ropewalk lays its parameters otherwise: go on "
          "with the version that began the run");
  }
}

}  // namespace

void save_run(const std::string& folder, const TrainerState& state, Json about) {
  std::vector<CheckpointFile> files;
  for (const StateArray& array : state.arrays) files.push_back({array.name, std::as_bytes(array.values)});
  about["recent"] = state.recent;
  about["parameters"] = state.parameters;
  write_checkpoint(folder, state.step, files, about);
}

std::optional<JsonInput> resume_run(const std::string& folder, Trainer& trainer, bool older_too) {
  const std::optional<Checkpoint> checkpoint = latest_checkpoint(folder, older_too);
  if (!checkpoint) return std::nullopt;
  const TrainerState state = trainer.state();
  for (const StateArray& array : state.arrays)
    if (!checkpoint->has(array.name) || checkpoint->n_bytes(array.name) != array.values.size_bytes())
      throw Error(
          checkpoint->path(), fmt::format("{} of {} bytes", array.name, array.values.size_bytes()),
          checkpoint->has(array.name) ? fmt::format("{}", checkpoint->n_bytes(array.name)) : "no such file",
          "it is of a model of other sizes, or of another optimizer");
  require_order(*checkpoint, state.parameters);
  for (const StateArray& array : state.arrays)
    checkpoint->read(array.name, std::as_writable_bytes(array.values));
  trainer.go_on_from(checkpoint->step(),
                     saved_about<std::vector<double>>(checkpoint->about(), checkpoint->path(), "recent"));
  return checkpoint->about();
}

std::string left_by_stop(const std::string& folder, Index stopped, bool by_spike) {
  const std::vector<Index> steps = checkpoint_steps(folder);
  if (steps.empty()) return "there is no checkpoint yet: --resume begins anew";
  const Index newest = steps.back();
  const std::string before = steps.size() > 1
                                 ? fmt::format("--resume goes back to step {}", steps[steps.size() - 2])
                                 : "--resume begins anew";
  const std::string away = fmt::format("take {} away, and {}", checkpoint_path(folder, newest), before);
  if (newest + 1 == stopped)  // no rate changes what these weights make of this batch
    return by_spike ? fmt::format(
                          "the step right behind the checkpoint of step {} stops, whatever the rate: "
                          "{}; or a larger spike in [optimizer] (0: none stops) lets it pass",
                          newest, away)
                    : fmt::format("the checkpoint of step {} is broken already: {}", newest, away);
  return fmt::format("--resume goes back to step {}; should it stop again: {}", newest, away);
}

}  // namespace rw
