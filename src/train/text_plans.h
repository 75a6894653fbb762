// SPDX-License-Identifier: Apache-2.0
/// A method bound for every layer, and lowered once for each length of text.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/layer_methods.h"
#include "train/layer.h"

namespace rw {

/// A method for texts of n_ctx tokens that are read whole. Errors: UsageError of the method, or where its
/// frequencies change while a text is read (grow=1).
LayerMethods bind_whole(const ModelConfig& config, const MethodSpec& spec, Index n_ctx);

/// Not thread-safe. LIFETIME: `config` outlives it.
class TextPlans {
 public:
  explicit TextPlans(const ModelConfig& config) : config_(config) {}

  /// (n_layers, texts): where the rows of each text are, texts of `lengths` tokens one behind the other, and
  /// the plans of its heads, which stay until the next call. The method is bound for n_ctx tokens, or for
  /// each length of its own where rows see both sides. Errors: as bind_whole.
  std::vector<std::vector<TextRows>> bind(std::span<const Index> lengths, const MethodSpec& spec, Index n_ctx,
                                          Context& context);

 private:
  struct Bound {
    LayerMethods methods;
    std::map<Index, std::vector<TextPlan>> plans;  // by length, for each of the methods
  };
  Bound& bound(const MethodSpec& spec, Index n_ctx);
  const std::vector<TextPlan>& lowered(Bound& of, Index n, Context& context);

  const ModelConfig& config_;
  std::map<std::pair<std::string, Index>, Bound> bound_;
};

/// Bytes of plans of texts with n_rows rows together, no two of the same length, under a method that is the
/// same for all layers and heads, of three regions at most.
std::size_t plan_bytes(const ModelConfig& config, Index n_rows);

}  // namespace rw
