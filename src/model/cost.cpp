// SPDX-License-Identifier: Apache-2.0
#include "model/cost.h"

#include <algorithm>

namespace rw {

namespace {

/// Weights of attention: multiply-adds of a token.
double attention_cost(const AttentionSpec& a, Index d_model) {
  const LatentSpec& l = a.latent;
  Index all = d_model * a.out_width();
  all += l.q_rank > 0 ? l.q_rank * (d_model + a.q_width()) : d_model * a.q_width();
  if (l.any())
    all += d_model * (l.kv_rank + a.rope.rotary_dim) + l.kv_rank * (a.n_heads * a.own_dim() + a.v_width());
  else
    all += d_model * (a.k_width() + a.v_width());
  return static_cast<double>(all);
}

}  // namespace

double cost_of(const ModelConfig& config, Index n) {
  double linear = 0, seen = 0;  // multiply-adds of a token; of all tokens with the keys they see
  for (const LayerSpec& layer : config.layers) {
    const AttentionSpec& a = layer.attention;
    const RecurrenceSpec& r = layer.recurrence;
    linear += static_cast<double>(config.d_model * (r.convolved_width() + 2 * r.value_width()) +
                                  4 * r.state_size());
    linear += attention_cost(a, config.d_model);
    linear += static_cast<double>(
        config.d_model * (3 * layer.ffn.d_ff + 3 * layer.ffn.experts.n_used * layer.ffn.experts.d_ff));
    const auto reach = static_cast<double>(a.window > 0 ? std::min(a.window, n) : n);
    seen += static_cast<double>(a.q_width() + a.out_width()) * reach *
            (static_cast<double>(n) - (config.encoder ? 0 : reach / 2));
  }
  return static_cast<double>(n) + seen / linear;
}

}  // namespace rw
