// SPDX-License-Identifier: Apache-2.0
/// The texts and samples of a training run, and whether they are those that it was begun with.
#pragma once
#include <vector>

#include "cli/train_config.h"
#include "core/json.h"
#include "train/trainer.h"

namespace rw {

struct TrainData {
  Sources sources;
  std::vector<HeldOut> held_out;
};
/// `recipe`: with lengths. Errors: Error that names the file; UsageError for a stage without its source.
TrainData read_train_data(const TrainConfig& config, const Recipe& recipe, const Tokenizer& tokenizer,
                          Index n_vocab);

/// What a checkpoint says of the run that it is of: its settings, each file of its data by path and SHA-256,
/// and its tokenizer, or the model that it went on from, by a hash of what is in it.
Json about_run(const TrainConfig& config);
/// Compares it with what a checkpoint said. Returns what of the settings differs, a line each; none where all
/// is the same. Errors: Error that names a file of another content (the tokenizer's and the model's too), or
/// how many there are: batches would not be those that the run was begun with.
std::vector<std::string> compare_run(const Json& now, const JsonInput& before, const std::string& folder);

}  // namespace rw
