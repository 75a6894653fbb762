// SPDX-License-Identifier: Apache-2.0
/// A layer is data: what it computes, in the order of a reader's questions. A family's file (model/arch)
/// fills it, and nothing below asks for a family's name. Layers with equal attention are one class: they
/// share bound methods and plans.
#pragma once
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "model/latent_spec.h"
#include "model/recurrence_spec.h"

namespace rw {

/// The positions of a layer's queries and keys.
struct RopeSpec {
  double base = 10000;
  int rotary_dim = 0;                 ///< the first so many dims of a head are rotated
  int turning_pairs = 0;              ///< so many of the first pairs turn, the others never; 0: all turn
  std::string own_scaling = {};       ///< method spec of the model's own scaling, empty if none
  std::vector<double> divisors = {};  ///< (rotary_dim / 2) of theta (GGUF rope_freqs), or empty
  std::vector<double> long_factors = {}, short_factors = {};  ///< (rotary_dim / 2) LongRoPE lists, or empty
  double longrope_attention_factor = 0;                       ///< 0: computed
  bool operator==(const RopeSpec&) const = default;
};

/// Rows of q and k that are normalised before their rotation: each head, with one weight for all heads or one
/// for each, or all heads of a row together. kPerHeadBehind: behind it, where only the weights matter.
enum class QkNorm { kNone, kPerHead, kPerHeadOwn, kWholeRow, kPerHeadBehind };

struct AttentionSpec {
  int n_heads = 0, n_kv_heads = 0, head_dim = 0;  ///< head_dim: of queries and keys
  int value_dim = 0;                              ///< of values, where they are of another width; 0: head_dim
  LatentSpec latent = {};                         ///< what keys and values are made of
  RopeSpec rope = {};
  Index window = 0;  ///< a row sees so many keys, itself included; 0: all before it
  bool acts = true;  ///< methods act here: not in a layer with a window where others see far
  QkNorm qk_norm = QkNorm::kNone;
  NormKind qk_norm_kind = NormKind::kRms;
  bool qkv_bias = false, output_bias = false;
  double scale = 0;                 ///< factor on products of q and k; 0: 1 / sqrt(head_dim)
  double soft_cap = 0;              ///< logits are cap tanh(logit / cap); 0: as they are
  bool sinks = false;               ///< each head has a logit without a value
  RowTemperature temperature = {};  ///< of rows by their position
  bool rotary_value = false;        ///< v is rotated as well, by the method's frequencies (RoFormer)
  bool value_norm = false;          ///< heads of v are normalised, without weights
  bool value_is_key = false;        ///< v is what k was before its norm: there is no W_v
  bool output_gate = false;         ///< what attention gives is multiplied by sigmoid(W_g x)
  bool operator==(const AttentionSpec&) const = default;

  int v_dim() const { return value_dim > 0 ? value_dim : head_dim; }
  Index q_width() const { return Index{n_heads} * head_dim; }
  Index k_width() const { return Index{n_kv_heads} * head_dim; }
  Index v_width() const { return Index{n_kv_heads} * v_dim(); }
  Index out_width() const { return Index{n_heads} * v_dim(); }
  Index own_dim() const { return head_dim - rope.rotary_dim; }  ///< of a head's key, with latents
};

/// The experts of a layer, as kernels/experts.h computes them.
struct ExpertsSpec {
  Index n_experts = 0;  ///< 0: the layer is dense
  Index n_used = 0;     ///< of each row
  Index d_ff = 0;       ///< of one of them
  Gating gating = Gating::kSoftmax;
  Index n_groups = 1, n_groups_used = 1;
  bool group_by_two = false;
  bool renormalise = false;
  float scale = 1;
  bool choice_bias = false, router_bias = false, bias = false;  ///< bias: of each expert's matrices
  bool shared_gate = false;  ///< the shared part times sigmoid(a row of weights x)
  bool scaled = false;       ///< what each gives has a scale
  bool operator==(const ExpertsSpec&) const = default;
};

/// W_down (act(W_gate x) * (W_up x)), or W_down act(W_up x) where nothing is gated. With experts it is the
/// part that all rows share beside them.
struct FfnSpec {
  Index d_ff = 0;  ///< 0: experts alone
  bool gated = true;
  Activation activation = Activation::kSilu;
  bool bias = false;  ///< of up (and gate) and down
  ExpertsSpec experts = {};
  /// The dense part and the experts stand beside each other, each with norms of its own: its output is
  /// norm(dense(norm x)) + norm(experts(norm x)), and the router reads rows normalised for it.
  bool apart = false;
  bool operator==(const FfnSpec&) const = default;
};

/// With a(x) = post_norm(attention(pre_norm(x))), f(x) the same of the feed-forward part and m the
/// multiplier:
///
///     in turn          x += m a(x);            x += m f(x)
///     parallel         x += m (a(x) + f(x))
///     norm_after_add   x = norm(x + m a(x));   x = norm(x + m f(x))
///
/// Each norm has weights of its own; a parallel layer may have one for both parts.
/// Of the two parts a layer may lack one (Nemotron-H), and a norm with it.
struct LayerSpec {
  AttentionSpec attention = {};    ///< without heads: none
  RecurrenceSpec recurrence = {};  ///< in its place
  FfnSpec ffn = {};
  NormKind norm = NormKind::kRms;
  float norm_eps = 1e-5f;
  bool norm_weight = true, norm_bias = false;
  bool pre_norm = true, post_norm = false;
  bool norm_after_add = false;              ///< and neither of the two before
  bool parallel = false, one_norm = false;  ///< one_norm: of a parallel layer, for both parts
  float residual_multiplier = 1;
  /// Keys and values are those of this earlier layer, which has the same attention; -1: its own.
  int kv_of = -1;
  bool output_scale = false;  ///< all of x is multiplied by a number behind the layer
  bool operator==(const LayerSpec&) const = default;

  bool attends() const { return attention.n_heads > 0; }
  bool recurs() const { return recurrence.kind != RecurrenceKind::kNone; }
  bool keeps() const { return recurs() || (attends() && kv_of < 0); }  ///< what later rows look at
  bool mixes() const { return attends() || recurs(); }                 ///< rows learn of rows before them
  bool feeds_forward() const { return ffn.d_ff > 0 || ffn.experts.n_experts > 0; }
};

}  // namespace rw
