// SPDX-License-Identifier: Apache-2.0
#include "model/cost.h"

#include <algorithm>

namespace ropewalk {

double cost_of(const ModelConfig& config, Index n) {
  double linear = 0, seen = 0;  // multiply-adds of a token; of all tokens with the keys they see
  for (const LayerSpec& layer : config.layers) {
    const AttentionSpec& a = layer.attention;
    const RecurrenceSpec& r = layer.recurrence;
    linear += static_cast<double>(config.d_model * (r.convolved_width() + 2 * r.value_width()) +
                                  4 * r.state_size());
    linear += static_cast<double>(config.d_model * (2 * (a.q_width() + a.kv_width()) + 3 * layer.ffn.d_ff +
                                                    3 * layer.ffn.experts.n_used * layer.ffn.experts.d_ff));
    const auto reach = static_cast<double>(a.window > 0 ? std::min(a.window, n) : n);
    seen += 2.0 * static_cast<double>(a.q_width()) * reach *
            (static_cast<double>(n) - (config.encoder ? 0 : reach / 2));
  }
  return static_cast<double>(n) + seen / linear;
}

}  // namespace ropewalk
