// SPDX-License-Identifier: Apache-2.0
/// A layer is data: what it computes, in the order of a reader's questions. A family's file (model/arch)
/// fills it, and nothing below asks for a family's name. Layers with equal attention are one class: they
/// share bound methods and plans.
#pragma once
#include <string>
#include <vector>

#include "core/types.h"

namespace ropewalk {

/// The positions of a layer's queries and keys.
struct RopeSpec {
  double base = 10000;
  int rotary_dim = 0;                 ///< the first so many dims of a head are rotated
  std::string own_scaling = {};       ///< method spec of the model's own scaling, empty if none
  std::vector<double> divisors = {};  ///< (rotary_dim / 2) of theta (GGUF rope_freqs), or empty
  std::vector<double> long_factors = {}, short_factors = {};  ///< (rotary_dim / 2) LongRoPE lists, or empty
  double longrope_attention_factor = 0;                       ///< 0: computed
  bool operator==(const RopeSpec&) const = default;
};

/// Whether each head of q and k is normalised before its rotation.
enum class QkNorm { kNone, kPerHead };

struct AttentionSpec {
  int n_heads = 0, n_kv_heads = 0, head_dim = 0;
  RopeSpec rope = {};
  Index window = 0;  ///< a row sees so many keys, itself included; 0: all before it
  QkNorm qk_norm = QkNorm::kNone;
  bool qkv_bias = false, output_bias = false;
  bool operator==(const AttentionSpec&) const = default;

  Index q_width() const { return Index{n_heads} * head_dim; }
  Index kv_width() const { return Index{n_kv_heads} * head_dim; }
};

/// W_down (silu(W_gate x) * (W_up x)).
struct FfnSpec {
  Index d_ff = 0;
  bool operator==(const FfnSpec&) const = default;
};

/// x += attention(norm(x)); x += ffn(norm(x)).
struct LayerSpec {
  AttentionSpec attention = {};
  FfnSpec ffn = {};
  float norm_eps = 1e-5f;
  bool operator==(const LayerSpec&) const = default;
};

}  // namespace ropewalk
