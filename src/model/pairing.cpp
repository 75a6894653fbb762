// SPDX-License-Identifier: Apache-2.0
#include "model/pairing.h"

#include <charconv>

namespace ropewalk {

const AttentionSpec* rotated_attention(const ModelConfig& config, std::string_view name) {
  if (!name.starts_with("blk.")) return nullptr;
  std::size_t layer = 0;
  const auto [end, error] = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  if (error != std::errc() || layer >= config.layers.size()) return nullptr;
  const std::string_view part = name.substr(static_cast<std::size_t>(end - name.data()));
  for (const std::string_view stem : {".attn_q.", ".attn_k.", ".attn_q_norm.", ".attn_k_norm."})
    if (part.starts_with(stem)) return &config.layers[layer].attention;
  return nullptr;
}

const AttentionSpec* paired_attention(const ModelConfig& config, std::string_view name) {
  return config.interleaved_qk ? rotated_attention(config, name) : nullptr;
}

Index interleaved_row(Index r, const AttentionSpec& a) {
  const Index head = r / a.head_dim, dim = r % a.head_dim, half = a.rope.rotary_dim / 2;
  if (dim >= a.rope.rotary_dim) return r;
  return head * a.head_dim + (dim < half ? 2 * dim : 2 * (dim - half) + 1);
}

}  // namespace ropewalk
