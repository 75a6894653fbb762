// SPDX-License-Identifier: Apache-2.0
/// What a training run will hold, told from sizes before any of it is taken.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "kernels/training.h"
#include "train/parameters.h"
#include "train/recipe.h"
#include "train/trainer.h"

namespace rw {

/// All in bytes.
struct TrainingMemory {
  std::size_t file = 0;  ///< as it is mapped: the source's weights; set by who knows it
  std::size_t values = 0, gradient = 0, optimizers = 0;
  std::size_t pass = 0;  ///< of the largest batch, or held-out text
  std::size_t kept = 0;  ///< what layers keep for their backward pass: Recipe::kept_bytes at most
  std::size_t total() const { return file + values + gradient + optimizers + pass + kept; }
};

/// A run over all parameters of `config` (parameters_of), each stepped by AdamW, or `muon` and a matrix, by
/// Muon. Held-out texts: those of held_out. REQUIRES: Recipe::fill_lengths.
TrainingMemory training_memory(const ModelConfig& config, bool muon, const Recipe& recipe,
                               std::span<const HeldOut> held_out,
                               const std::shared_ptr<const Training<float>>& operations);

/// Which of the parameters each optimizer steps: Muon's matrices, where it is asked for, and AdamW's.
struct OptimizedParameters {
  std::vector<Parameter> muon, adamw;
};
OptimizedParameters by_optimizer(const std::vector<Parameter>& parameters, bool muon);

}  // namespace rw
