// SPDX-License-Identifier: Apache-2.0
#include "model/cost.h"

#include <algorithm>

namespace ropewalk {

double cost_of(const ModelConfig& config, Index n) {
  const Index heads = config.n_heads + config.n_kv_heads;
  const auto linear =
      static_cast<double>(config.d_model * (2 * heads * config.head_dim + 3 * config.d_ff) * config.n_layers);
  double n_seen = 0;  // keys, over all tokens and layers
  for (const Index window : config.sliding_window) {
    const auto reach = static_cast<double>(window > 0 ? std::min(window, n) : n);
    n_seen += reach * (static_cast<double>(n) - reach / 2);
  }
  return static_cast<double>(n) + 2.0 * config.n_heads * config.head_dim * n_seen / linear;
}

}  // namespace ropewalk
