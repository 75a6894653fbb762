// SPDX-License-Identifier: Apache-2.0
/// What families have in common: numbers of the file become layers, a tensor that is present is a feature
/// that is on, and what its files do not say of a family is a Family.
#pragma once
#include "model/config.h"
#include "model/keys.h"

namespace rw {

/// Layers without positions.
enum class NoRope { kNever, kEveryFourth, kWhereFar, kAlways };  ///< kWhereFar: layers without a window

/// What the files of a family do not say of it. The defaults are Llama's.
struct Family {
  Activation activation = Activation::kSilu;
  bool gated = true;
  NormKind norm = NormKind::kRms;
  bool parallel = false;  ///< unless the key use_parallel_residual says otherwise
  bool norm_after_add = false;
  bool encoder = false;
  bool post_norm = false;  ///< norms behind both parts; before them as well where attn_norm is there
  const char* attn_norm = "attn_norm";
  const char* ffn_norm = "ffn_norm";  ///< what the norm before the feed-forward part is called
  /// Where no pattern of layers is told: all but every so many-th layer have the window; 0: all.
  Index window_period = 0;
  Index window = 0;              ///< where the key attention.sliding_window is absent
  bool local_is_plain = false;   ///< layers with a window have no scaling
  bool sizes_by_window = false;  ///< layers with a window have the keys key_length_swa and the like
  bool proportional = false;     ///< the others turn a part of their pairs (RopeSpec::turning_pairs)
  double local_base = 0;         ///< their base where the key rope.freq_base_swa is absent; 0: the others'
  NoRope no_rope = NoRope::kNever;
  bool temperature = false;        ///< of rows by their position, where attention.temperature_scale is there
  bool qk_norm_behind = false;     ///< norms of q and k stand behind their rotation
  bool embedding_by_root = false;  ///< embeddings times sqrt(d_model)
  bool logit_scale_divides = false;
  bool needs_logit_scale = false;  ///< a file without the key is incomplete
  bool qk_norm = false;            ///< heads or rows of q and k are normalised in all of its files
  bool output_gate = false;        ///< what attention gives is multiplied by a sigmoid
  bool sinks = false;              ///< each head of attention has a logit without a value
  bool yarn_truncates = true;      ///< where the key rope.scaling.truncate is absent
  bool experts = false;            ///< layers may have them
  /// Of experts, where the keys expert_gating_func and expert_weights_norm are absent.
  Gating gating = Gating::kSoftmax;
  bool renormalise = true;
  bool choice_bias = false, shared_gate = false;  ///< always there; else where a tensor says so
  /// Of a layer that has a state in place of keys, where its tensors are there. nullptr: no layer has.
  RecurrenceSpec (*recurrence)(const Keys& keys) = nullptr;
  bool latent = false;    ///< multi-head latent attention (MLA)
  bool one_part = false;  ///< a layer has attention, a state or a feed-forward part, one of these
};

/// What keys and values are made of, and the widths of a head; `a` has n_heads, and gets the rest but the
/// base. Errors: Error for numbers that do not fit.
void read_latent(const Keys& keys, Index d_model, AttentionSpec& a);

/// Of Family::recurrence. Errors: Error for numbers that do not fit.
RecurrenceSpec read_delta_rule(const Keys& keys);
RecurrenceSpec read_state_space(const Keys& keys);
RecurrenceSpec read_short_convolution(const Keys& keys);

/// The experts of a layer, none where it has no router. Errors: Error where keys and tensors disagree.
ExpertsSpec read_experts(const Keys& keys, const Family& family);

/// The width of what all rows share beside experts, by the keys, or where none says it by the tensor; 0:
/// nothing.
Index read_shared_d_ff(const Keys& keys, const ExpertsSpec& experts);
/// Errors: Error where layers differ in what their experts have, or say otherwise than the number of experts.
void check_experts(const Keys& keys, const Family& family, const ModelConfig& config);

/// The whole configuration; refuses what the forward does not compute, naming it. Errors: Error for a
/// missing, zero or absurd number.
ModelConfig read_family(const ModelFile& file, const Family& family);

/// Errors: Error where a config.json's attention_bias says otherwise than the tensors that are there.
void check_attention_bias(const ModelFile& file, const ModelConfig& config);

/// Errors: Error that names what the forward does not compute, by the keys under `arch`, in this family.
void refuse_unsupported(const ModelFile& file, const std::string& arch, const Family& family = {});

}  // namespace rw
