// SPDX-License-Identifier: Apache-2.0
/// Multi-head latent attention by the keys and tensors of a file, as llama.cpp's converter names them.
#include "model/read_common.h"

namespace rw {

void read_latent(const Keys& keys, Index d_model, AttentionSpec& a) {
  const ModelFile& file = keys.file;
  // Newer files are written for one key head of the latents' width, and have the heads' widths beside.
  const bool as_one = keys.here("attention.key_length_mla").has_value();
  const Index width = d_model / a.n_heads;
  a.n_kv_heads = a.n_heads;
  a.head_dim = static_cast<int>(
      keys.integer(as_one ? "attention.key_length_mla" : "attention.key_length", 4, 256, width));
  const auto value_dim = static_cast<int>(
      keys.integer(as_one ? "attention.value_length_mla" : "attention.value_length", 2, 256, width));
  for (const int dim : {a.head_dim, value_dim})  // of keys that are absent, too
    if (dim < 2 || dim > 256) throw Error(file.path(), "heads from 2 to 256 wide", fmt::format("{}", dim));
  if (value_dim != a.head_dim) a.value_dim = value_dim;
  a.rope.rotary_dim = static_cast<int>(keys.integer("rope.dimension_count", 2, a.head_dim - 1));
  if (a.head_dim % 2 != 0 || a.rope.rotary_dim % 2 != 0)
    throw Error(file.path(), "an even head_dim, of which an even part is rotated",
                fmt::format("{} and {}", a.head_dim, a.rope.rotary_dim));
  a.latent.kv_rank = keys.integer("attention.kv_lora_rank", 1, 1 << 16);
  if (keys.has_tensor("attn_q_a.weight")) a.latent.q_rank = keys.integer("attention.q_lora_rank", 1, 1 << 16);
  a.latent.split = keys.has_tensor("attn_k_b.weight") && !keys.has_tensor("attn_kv_b.weight");
  a.latent.interleaved = file.interleaved_qk();
}

}  // namespace rw
