// SPDX-License-Identifier: Apache-2.0
/// One training run, from a configuration to files.
#pragma once
#include <string>

#include "cli/train_config.h"
#include "core/context.h"
#include "core/ranks.h"

namespace rw {

struct TrainRunOptions {
  std::string out;  ///< the folder that all is written to
  bool resume = false, json = false, dry_run = false, profile = false;
  Index steps = 0;  ///< stops behind this one; 0: the last
  /// Data-parallel: each takes its share of every batch's texts. The first one keeps checkpoints and writes
  /// models.
  std::shared_ptr<Ranks> ranks = std::make_shared<OneRank>();
};

/// Says what it takes; then, unless dry_run, trains, and writes into `out` (cli/train_folder.h): log.jsonl,
/// checkpoints, curve.html; at the end model.gguf and model/. Results go to stdout. Errors: Error, as a rule
/// before anything is written, and where another run is in `out`; TrainingStopped, and the last checkpoints
/// stay.
void run_training(const TrainConfig& config, const TrainRunOptions& options,
                  const std::shared_ptr<Context>& context);

}  // namespace rw
