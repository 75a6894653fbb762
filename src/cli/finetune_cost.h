// SPDX-License-Identifier: Apache-2.0
/// What finetune takes, before it starts.
#pragma once
#include "cli/finetune_looks.h"
#include "cli/finetune_plan.h"

namespace rw::cli::finetune {

struct FinetuneCost {
  std::vector<double> step_seconds;                ///< of each start
  double untrained_seconds = 0;                    ///< of what is measured once
  double look_seconds = 0;                         ///< of one look at every start
  std::size_t training_bytes = 0, look_bytes = 0;  ///< beside the source; both stand at the same time
  Index n_learning = 0;                            ///< numbers that learn

  double seconds(const FinetunePlan& plan) const;
  std::string text(const FinetunePlan& plan) const;  ///< "about 12 minutes, ..."
  /// Errors: Error (memory).
  void require() const;
};

/// Times a step of each start on a short text, and a short reading. Sets how much of a batch goes through the
/// layers at once, where that was not decided before, and what layers keep for their backward, as memory
/// allows: half of what is free at most.
FinetuneCost cost_of_finetune(const Options& options, FinetunePlan& plan, const FinetuneTexts& texts,
                              const std::shared_ptr<const Model>& source, const FinetuneLooks& looks);
/// As many steps as --budget holds, the same for every start; without it nothing. Errors: UsageError where it
/// holds none.
void take_budget(const Options& options, const FinetuneCost& cost, FinetunePlan& plan);

}  // namespace rw::cli::finetune
