// SPDX-License-Identifier: Apache-2.0
#include "face/rope_context.h"

#include <cmath>

#include "model/sequence.h"

namespace ropewalk {
namespace {

/// Errors: UsageError.
void require(bool holds, const char* place, const char* expected, const std::string& found) {
  if (!holds) throw UsageError(place, expected, found, "see RopeContext in ropewalk/method.h");
}

}  // namespace

namespace face {

rw::RopeContext inside_of(const RopeContext& c, Index n) {
  const auto text = [](auto number) { return fmt::format("{}", number); };
  const auto per_pair = [&](const std::vector<double>& list, const char* name) {
    require(list.empty() || list.size() * 2 == static_cast<std::size_t>(c.rotary_dim), name,
            "rotary_dim / 2 numbers, or none", text(list.size()));
    for (const double x : list) require(std::isfinite(x) && x > 0, name, "numbers above 0", text(x));
  };
  require(c.head_dim > 0 && c.head_dim <= 65536, "head_dim", "1 to 65536", text(c.head_dim));
  require(c.rotary_dim >= 0 && c.rotary_dim <= c.head_dim && c.rotary_dim % 2 == 0, "rotary_dim",
          "an even number, head_dim at most", text(c.rotary_dim));
  require(std::isfinite(c.rope_base) && c.rope_base > 0, "rope_base", "a number above 0", text(c.rope_base));
  require(n >= 1 && n <= rw::kMostTokens, "n", "1 to 2^31 tokens", text(n));
  require(c.n_ctx_train >= 1, "n_ctx_train", "1 token or more", text(c.n_ctx_train));
  require(c.n_ctx_original >= -1, "n_ctx_original", "-1, 0 or more", text(c.n_ctx_original));
  require(c.sliding_window >= 0, "sliding_window", "0 or more", text(c.sliding_window));
  require(c.turning_pairs >= 0 && c.turning_pairs * 2 <= c.rotary_dim, "turning_pairs", "0 to rotary_dim / 2",
          text(c.turning_pairs));
  per_pair(c.rope_freqs, "rope_freqs");
  per_pair(c.long_factors, "long_factors"), per_pair(c.short_factors, "short_factors");
  require(c.n_layers >= 1 && c.layer >= 0 && c.layer < c.n_layers, "layer", "0 to n_layers - 1",
          text(c.layer));
  require(c.n_kv_heads >= 1 && c.kv_head >= 0 && c.kv_head < c.n_kv_heads, "kv_head", "0 to n_kv_heads - 1",
          text(c.kv_head));
  for (const double x : {c.attention_scale, c.soft_cap, c.longrope_attention_factor, c.temperature_beta})
    require(std::isfinite(x) && x >= 0,
            "attention_scale, soft_cap, longrope_attention_factor, temperature_beta", "0 or more", text(x));
  require(c.temperature_beta == 0 || c.temperature_original >= 1, "temperature_original",
          "1 token or more beside temperature_beta", text(c.temperature_original));
  return {.head_dim = c.head_dim,
          .rotary_dim = c.rotary_dim,
          .rope_base = c.rope_base,
          .n_ctx_train = c.n_ctx_train,
          .n_ctx_original = c.n_ctx_original >= 0 ? c.n_ctx_original : c.n_ctx_train,
          .n = n,
          .sliding_window = c.sliding_window,
          .turning_pairs = c.turning_pairs,
          .rope_freqs = c.rope_freqs,
          .long_factors = c.long_factors,
          .short_factors = c.short_factors,
          .longrope_attention_factor = c.longrope_attention_factor,
          .own_scaling = c.own_scaling,
          .layer = c.layer,
          .n_layers = c.n_layers,
          .kv_head = c.kv_head,
          .n_kv_heads = c.n_kv_heads,
          .attention_scale = c.attention_scale,
          .soft_cap = c.soft_cap,
          .temperature = {c.temperature_beta, c.temperature_original},
          .acts = c.acts,
          .bidirectional = c.bidirectional};
}

RopeContext shown(const rw::RopeContext& c) {
  return {.head_dim = c.head_dim,
          .rotary_dim = c.rotary_dim,
          .rope_base = c.rope_base,
          .n_ctx_train = c.n_ctx_train,
          .n_ctx_original = c.n_ctx_original,
          .sliding_window = c.sliding_window,
          .turning_pairs = c.turning_pairs,
          .rope_freqs = c.rope_freqs,
          .long_factors = c.long_factors,
          .short_factors = c.short_factors,
          .longrope_attention_factor = c.longrope_attention_factor,
          .own_scaling = c.own_scaling,
          .layer = c.layer,
          .n_layers = c.n_layers,
          .kv_head = c.kv_head,
          .n_kv_heads = c.n_kv_heads,
          .attention_scale = c.attention_scale,
          .soft_cap = c.soft_cap,
          .temperature_beta = c.temperature.beta,
          .temperature_original = c.temperature.original,
          .acts = c.acts,
          .bidirectional = c.bidirectional};
}

}  // namespace face
}  // namespace ropewalk
