// SPDX-License-Identifier: Apache-2.0
#include "train/training_memory.h"

#include <algorithm>

#include "train/gradient.h"
#include "train/optimizer.h"

namespace rw {

OptimizedParameters by_optimizer(const std::vector<Parameter>& parameters, bool muon) {
  OptimizedParameters by;
  for (const Parameter& p : parameters)
    (muon && p.kind == ParameterKind::kMatrix ? by.muon : by.adamw).push_back(p);
  return by;
}

TrainingMemory training_memory(const ModelConfig& config, bool muon, const Recipe& recipe,
                               std::span<const HeldOut> held_out,
                               const std::shared_ptr<const Training<float>>& operations) {
  using Pass = GradientPass<float>;
  const std::vector<Parameter> parameters = parameters_of(config);
  TrainingMemory memory;
  for (const Parameter& p : parameters) memory.values += static_cast<std::size_t>(p.n()) * sizeof(float);
  memory.gradient = memory.values;
  const OptimizedParameters by = by_optimizer(parameters, muon);
  memory.optimizers = muon_bytes(by.muon) + adamw_bytes(by.adamw);
  for (const TrainStage& stage : recipe.stages)
    for (const Index n_ctx : stage.n_ctx) {
      const Index n_rows = recipe.rows_at_once(stage, n_ctx);
      memory.pass = std::max(memory.pass, Pass::bytes_of(config, operations, n_rows, n_ctx, true));
      memory.kept = std::max(memory.kept, Pass::kept_of(config, operations, n_rows, recipe.kept_bytes));
    }
  for (const HeldOut& held : held_out)
    for (const Sample& sample : held.samples) {
      const auto n = static_cast<Index>(sample.tokens.size());
      memory.pass = std::max(memory.pass,
                             Pass::bytes_of(config, operations, std::max(n, recipe.most_rows()), n, false));
    }
  return memory;
}

}  // namespace rw
