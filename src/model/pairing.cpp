// SPDX-License-Identifier: Apache-2.0
#include "model/pairing.h"

#include "formats/tensor_name.h"

namespace rw {
namespace {

/// "blk.3.attn_q.weight" is the part "attn_q.weight" of layer 3; no attention for other names.
struct InAttention {
  const AttentionSpec* attention = nullptr;
  std::string_view part;
  InAttention(const ModelConfig& config, std::string_view name) {
    const std::optional<NameInLayer> in = name_in_layer(name);
    if (!in || static_cast<std::size_t>(in->layer) >= config.layers.size()) return;
    attention = &config.layers[static_cast<std::size_t>(in->layer)].attention;
    part = in->part;
  }
};

}  // namespace

const AttentionSpec* rotated_attention(const ModelConfig& config, std::string_view name) {
  const InAttention in(config, name);
  if (in.attention == nullptr || in.attention->latent.any()) return nullptr;
  for (const std::string_view stem : {"attn_q.", "attn_k.", "attn_q_norm.", "attn_k_norm."})
    if (in.part.starts_with(stem)) return in.attention;
  return nullptr;
}

Index interleaved_row(Index r, const AttentionSpec& a) {
  const Index head = r / a.head_dim, dim = r % a.head_dim, half = a.rope.rotary_dim / 2;
  if (dim >= a.rope.rotary_dim) return r;
  return head * a.head_dim + (dim < half ? 2 * dim : 2 * (dim - half) + 1);
}

RowOrder::RowOrder(const ModelConfig& config, std::string_view name) {
  const InAttention in(config, name);
  attention_ = in.attention;
  if (attention_ == nullptr) return;
  if (attention_->output_gate && in.part == "attn_q.weight") {
    kind_ = Kind::kGated;
  } else if (!attention_->latent.any()) {
    if (config.interleaved_qk && rotated_attention(config, name) != nullptr) kind_ = Kind::kInterleaved;
  } else if (in.part == "attn_q.weight" || in.part == "attn_q_b.weight") {
    kind_ = Kind::kQueries;
  } else if (in.part == "attn_kv_a_mqa.weight") {
    if (attention_->latent.interleaved) kind_ = Kind::kLatent;
  } else if (in.part == "attn_kv_b.weight") {
    kind_ = Kind::kHeads;
  }
}

/// Of the rotated dims of latents: the file's that is our d.
Index RowOrder::rotated(Index d) const {
  const Index half = attention_->rope.rotary_dim / 2;
  return !attention_->latent.interleaved ? d : d < half ? 2 * d : 2 * (d - half) + 1;
}

Index RowOrder::stored(Index r) const {
  if (kind_ == Kind::kAsStored) return r;
  const AttentionSpec& a = *attention_;
  const Index own = a.own_dim(), v_dim = a.v_dim();
  switch (kind_) {
    case Kind::kQueries: {
      const Index d = r % a.head_dim;
      return r - d + (d < a.rope.rotary_dim ? own + rotated(d) : d - a.rope.rotary_dim);
    }
    case Kind::kLatent:
      return r < a.latent.kv_rank ? r : a.latent.kv_rank + rotated(r - a.latent.kv_rank);
    case Kind::kHeads: {
      const Index keys = a.n_heads * own, v = r - keys;
      return r < keys ? r / own * (own + v_dim) + r % own : v / v_dim * (own + v_dim) + own + v % v_dim;
    }
    case Kind::kGated: {
      const Index gate = r - a.q_width(), row = gate < 0 ? r : gate;  // of the queries, or of the gates
      return row + row / a.head_dim * a.head_dim + (gate < 0 ? 0 : a.head_dim);
    }
    default:
      return interleaved_row(r, a);
  }
}

}  // namespace rw
