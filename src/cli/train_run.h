// SPDX-License-Identifier: Apache-2.0
/// One training run, from a configuration to files.
#pragma once
#include <string>

#include "cli/train_config.h"
#include "core/context.h"

namespace ropewalk {

struct TrainRunOptions {
  std::string out;  ///< the folder that all is written to
  bool resume = false, json = false, dry = false, profile = false;
  Index steps = 0;  ///< stops behind this one; 0: the last
};

/// Trains, and writes into `out`: checkpoints, log.jsonl, curve.html; at the end model.gguf and model/.
/// Results go to stdout. Errors: Error; TrainingStopped, with the last good step saved.
void run_training(const TrainConfig& config, const TrainRunOptions& options,
                  const std::shared_ptr<Context>& context);

}  // namespace ropewalk
