// SPDX-License-Identifier: Apache-2.0
/// A method bound for every layer of a model.
#pragma once
#include <vector>

#include "methods/method.h"
#include "model/config.h"

namespace rw {

/// Methods by class: layers with equal attention share one, and where the method is not the same for all
/// layers or heads, those that it treats alike.
struct LayerMethods {
  std::vector<Method> methods;
  /// (n_layers, groups of heads): which of them. A group is all heads of a layer, or, under a method that is
  /// not the same for all heads, those that share keys;
  /// none in a layer without attention.
  std::vector<std::vector<std::size_t>> of;
};
/// For a request of n tokens. Errors: UsageError of the method.
LayerMethods bind_layers(const ModelConfig& config, const MethodSpec& spec, Index n);

}  // namespace rw
