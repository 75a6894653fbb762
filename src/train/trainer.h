// SPDX-License-Identifier: Apache-2.0
/// The training loop: batches, accumulation, clipping, steps; what is held out between them.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ranks.h"
#include "train/batches.h"
#include "train/learner.h"
#include "train/optimizer.h"

namespace rw {

/// Samples that are never trained on.
struct HeldOut {
  std::string name;
  std::vector<Sample> samples;
  /// Above 0: what is told is the share of samples in which every token of this weight or more is the
  /// likeliest of all, not the loss.
  float found_weight = 0;
};

struct HeldOutValue {
  std::string name;
  bool share = false;  ///< else a loss: the weighted mean, nats
  double value = 0;
};

/// What a step did. Losses are those before it.
struct StepRecord {
  Index step = 0;  ///< counted from 1
  std::string stage, method;
  Index n_ctx = 0, n_tokens = 0;
  double loss = 0;            ///< weighted mean over the batch, nats
  double rate = 0, norm = 0;  ///< norm: of the gradient, before it is clipped
  double seconds = 0;
  std::vector<HeldOutValue> held_out;  ///< behind the step, where it was asked for
};

/// Where a run stands, as a checkpoint keeps it: the number of steps taken, the losses that spikes are told
/// by, and every array that changes.
struct TrainerState {
  Index step = 0;
  std::vector<double> recent;
  std::vector<StateArray> arrays;       ///< "values", and the optimizers'
  std::vector<std::string> parameters;  ///< names, as they lie in each array
};

/// The loss of a step is no number, or far above those before it: the step was not taken. Or a weight that
/// was learned is none (train/merged.h).
class TrainingStopped : public Error {
 public:
  using Error::Error;
};
/// The loss is a number, and far above those before it.
class TrainingSpike : public TrainingStopped {
 public:
  using TrainingStopped::TrainingStopped;
};

class Trainer {
 public:
  /// All of them outlive it. `optimizers`: every parameter is stepped by one of them. `ranks`: each takes its
  /// share of every batch's texts, gradients are added up while the layers below are still on their way back,
  /// and all take the same step; every call is made by all of them.
  Trainer(LearningModel& model, Learner& learner, std::vector<std::unique_ptr<Optimizer>> optimizers,
          const Recipe& recipe, const Sources& sources, std::vector<HeldOut> held_out,
          std::shared_ptr<Context> context, std::shared_ptr<Ranks> ranks = std::make_shared<OneRank>());
  ~Trainer();

  /// The next step. Errors: TrainingStopped naming the step and the tensor (the first whose gradient is not
  /// finite; of a spike the one with the largest gradient); then the weights are as before it.
  StepRecord step();
  /// What is held out, read under the method of the last step's stage where that is one
  /// (train/stage_method.h), else under none.
  std::vector<HeldOutValue> evaluate();
  bool done() const { return step_ == recipe_.n_steps(); }
  Index steps_taken() const { return step_; }

  /// Arrays are its own memory: read them to save, write them to go on.
  TrainerState state();
  /// Every rank's state becomes the first one's.
  void share_state();
  /// The step and losses of a state whose arrays were written.
  void go_on_from(Index step, std::vector<double> recent);

 private:
  double take_gradient(const Batch& batch);
  void gather_losses(std::span<double> numbers) const;
  void stop_at_spike(const TrainStage& stage, Index at_stage, double loss) const;
  MethodSpec held_out_method() const;
  double share_found(const HeldOut& held_out, const MethodSpec& method) const;
  std::string largest_gradient() const;

  LearningModel& model_;
  Learner& learner_;
  std::vector<std::unique_ptr<Optimizer>> optimizers_;
  const Recipe& recipe_;
  const Sources& sources_;
  std::vector<HeldOut> held_out_;
  std::shared_ptr<Context> context_;
  std::shared_ptr<Ranks> ranks_;
  std::unique_ptr<class GradientSum> sum_;
  Buffer<float> gradient_;
  Index step_ = 0;
  std::vector<double> recent_;  // losses of the last steps: of the stage, as soon as it has a few
};

}  // namespace rw
