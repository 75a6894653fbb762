// SPDX-License-Identifier: Apache-2.0
/// What the training loop asks of a model: loss and gradient in float32, whatever they are taken in.
#pragma once
#include <memory>
#include <span>

#include "train/gradient.h"

namespace rw {

/// One thread at a time.
class Learner {
 public:
  virtual ~Learner() = default;
  /// As GradientPass::run: gradient += factor times that of the weighted losses; returns their sum.
  virtual double gradient(std::span<const TrainingText> texts, const MethodSpec& method,
                          const GradientOptions& options, double factor, float* gradient) = 0;
  /// As GradientPass::loss.
  virtual double loss(std::span<const TrainingText> texts, const MethodSpec& method,
                      const GradientOptions& options) = 0;
  /// As GradientPass::bytes.
  virtual std::size_t bytes(Index n_rows, Index n_ctx) const = 0;
  /// As GradientPass::most_kept_bytes.
  virtual std::size_t most_kept_bytes(Index n_rows) const = 0;
};

/// By the fast operations, or by those of the definition, whose gradient in double is rounded at the end of
/// each call. The model outlives it.
std::unique_ptr<Learner> make_learner(const LearningModel& model,
                                      std::shared_ptr<const Training<float>> operations);
std::unique_ptr<Learner> make_learner(const LearningModel& model,
                                      std::shared_ptr<const Training<double>> operations);

}  // namespace rw
