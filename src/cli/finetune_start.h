// SPDX-License-Identifier: Apache-2.0
/// The training from one start, from look to look.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "cli/finetune_plan.h"
#include "train/batches.h"

namespace rw::cli::finetune {

/// What learns: the same numbers from every start. Errors: Error (a target that no layer has, memory).
LearningModel learning_model(const Options& options, const std::shared_ptr<const Model>& source);

/// The same batches from every start: they depend on the seed and the step alone.
Recipe recipe_of(const Options& options, const FinetunePlan& plan, std::size_t start);
Sources sources_of(const FinetuneTexts& texts);

/// Told behind each step: "pi 3/50, loss 3.412, 900 tok/s".
using OnTrained = std::function<void(const std::string& what)>;

class StartTrainer {
 public:
  /// `folder`: of its checkpoints, empty for none; goes on from the last whole one. LIFETIME: all arguments.
  StartTrainer(const Options& options, const FinetunePlan& plan, std::size_t start,
               const FinetuneTexts& texts, const std::shared_ptr<const Model>& source, std::string folder);
  ~StartTrainer();
  const LearningModel& model() const;
  Index step() const;
  double seconds() const;  ///< of training, those before it was killed too
  /// Trains up to a step, and keeps a checkpoint of it. Errors: Error where a loss is none: what stopped it.
  void train_to(Index step, const OnTrained& on_trained);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rw::cli::finetune
