// SPDX-License-Identifier: Apache-2.0
/// Trains from each start on the same batches, looks at each at the same steps, and keeps what came out.
#pragma once
#include "cli/finetune_cost.h"
#include "cli/finetune_looks.h"
#include "cli/finetune_plan.h"
#include "report/recovery.h"

namespace rw::cli::finetune {

/// The loss at the long length of a model written in another type than what was looked at.
struct WrittenLoss {
  std::size_t start = 0;
  std::string type;
  std::optional<double> written, judged;  ///< of the file; of the last look; nullopt: not finite
};
struct Comparison {
  RecoveryInput input;
  std::vector<std::string> written;  ///< a line for each result: what it is and how it is run
  std::vector<WrittenLoss> written_losses;
  Index n_trained = 0;  ///< steps that were taken now
};

/// Told after each look.
using OnLook = std::function<void(const RecoveryInput&)>;

/// Without --out nothing is kept but what is returned. A start whose training stops (a loss, or a weight,
/// that is none) ends there, and the others go on. Errors: those of the parts.
Comparison compare(const Options& options, const FinetunePlan& plan, const FinetuneTexts& texts,
                   const std::shared_ptr<const Model>& source, const RunInfo& run, const FinetuneCost& cost,
                   const OnLook& on_look);

}  // namespace rw::cli::finetune
