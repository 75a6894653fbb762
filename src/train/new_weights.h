// SPDX-License-Identifier: Apache-2.0
/// What of a model is new when it is written: whole tensors, or those that low-rank pairs change.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "train/parameters.h"

namespace rw {

/// Tensors as a ModelFile calls them, and their values one by one: float32, row after row, in the engine's
/// order (rows of q and k half-split, norms as they multiply).
struct NewWeights {
  std::set<std::string, std::less<>> names;
  std::function<std::vector<float>(const std::string& name)> values;
};

/// The values of a tensor of the file, in the engine's order. Errors: Error for a type without a format.
std::vector<float> engine_values(const ModelFile& file, const ModelConfig& config, const std::string& name);

/// Every tensor that learns; W + scale B A, in float32, where a low-rank pair does. `model` must outlive the
/// result, and its values are read when they are asked for. Errors: Error where a parameter is no tensor of
/// the file.
NewWeights new_weights(const LearningModel& model);

}  // namespace rw
