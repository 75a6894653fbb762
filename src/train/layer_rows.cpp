// SPDX-License-Identifier: Apache-2.0
/// The rows that a TrainingLayer keeps for its backward, and those that live during one call.
#include "train/layer.h"

namespace rw {

template <class T>
LayerKept<T> TrainingLayer<T>::take_kept(Carver<T>& from, Index n_rows) const {
  const AttentionSpec& a = spec_.attention;
  LayerKept<T> kept;
  kept.q = from.take(n_rows * a.q_width());
  if (!shares_keys_) kept.k = from.take(n_rows * a.k_width());
  if (!shares_keys_) kept.v = from.take(n_rows * a.v_width());
  const bool norms = a.qk_norm != QkNorm::kNone;
  if (norms) kept.q_before = from.take(n_rows * a.q_width());
  if (norms && spec_.keeps()) kept.k_before = from.take(n_rows * a.k_width());
  if (a.value_norm && !a.value_is_key && spec_.keeps()) kept.v_before = from.take(n_rows * a.v_width());
  if (a.output_gate) kept.output_gate = from.take(n_rows * a.out_width());
  if (recurrent_) kept.recurrent = recurrent_->take_kept(from, n_rows);
  kept.attended = from.take(n_rows * mixed_width());
  kept.lse = from.take(n_rows * a.n_heads);
  if (spec_.post_norm) kept.attn_part = from.take(n_rows * d_model_);
  if (spec_.post_norm) kept.ffn_part = from.take(n_rows * d_model_);
  if (spec_.norm_after_add) kept.attn_sum = from.take(n_rows * d_model_);
  if (spec_.norm_after_add) kept.ffn_sum = from.take(n_rows * d_model_);
  if (!spec_.parallel && spec_.mixes() && spec_.feeds_forward()) kept.middle = from.take(n_rows * d_model_);
  if (spec_.ffn.gated) kept.gate = from.take(n_rows * spec_.ffn.d_ff);
  kept.up = from.take(n_rows * spec_.ffn.d_ff);
  if (latent_) {
    kept.latent = latent_->take_kept(from, n_rows);
  } else {
    kept.low_q = from.take(n_rows * q_.rank());
    kept.low_k = from.take(n_rows * k_.rank());
    kept.low_v = from.take(n_rows * v_.rank());
    kept.low_output_gate = from.take(n_rows * output_gate_.rank());
  }
  kept.low_o = from.take(n_rows * o_.rank());
  kept.low_gate = from.take(n_rows * gate_.rank());
  kept.low_up = from.take(n_rows * up_.rank());
  if (per_layer_) kept.per_layer = per_layer_->take_kept(from, n_rows);
  return kept;
}

template <class T>
LayerScratch<T> TrainingLayer<T>::take_scratch(Carver<T>& from, Index n_rows) const {
  const AttentionSpec& a = spec_.attention;
  LayerScratch<T> scratch;
  if (spec_.pre_norm) scratch.normed = from.take(n_rows * d_model_);
  scratch.d_normed = from.take(n_rows * d_model_);
  if (spec_.post_norm || spec_.norm_after_add || spec_.parallel) scratch.part = from.take(n_rows * d_model_);
  Index rank = std::max({latent_ ? latent_->rank() : 0, recurrent_ ? recurrent_->rank() : 0,
                         per_layer_ ? per_layer_->rank() : 0});
  for (const LearnedLinear<T>* linear : {&q_, &k_, &v_, &output_gate_, &o_, &gate_, &up_, &down_})
    rank = std::max(rank, linear->rank());
  scratch.low = from.take(n_rows * down_.rank());
  scratch.d_low = from.take(n_rows * rank);
  const Index begin = from.mark();  // the parts come one after the other
  if (per_layer_) scratch.per_layer = per_layer_->take_scratch(from, n_rows);
  from.back_to(begin);
  scratch.h = from.take(n_rows * spec_.ffn.d_ff);
  scratch.d_h = from.take(n_rows * spec_.ffn.d_ff);
  if (spec_.ffn.gated) scratch.d_gate = from.take(n_rows * spec_.ffn.d_ff);
  from.back_to(begin);
  const bool norms = a.qk_norm != QkNorm::kNone;  // what is before them takes the place of d_attended
  scratch.d_attended = from.take(n_rows * std::max(mixed_width(), norms ? a.q_width() : 0));
  if (a.output_gate) scratch.gated = from.take(n_rows * a.out_width());
  if (a.output_gate) scratch.d_output_gate = from.take(n_rows * a.out_width());
  if (recurrent_) scratch.recurrent = recurrent_->take_scratch(from, n_rows);
  scratch.d_q = from.take(n_rows * a.q_width());
  if (!shares_keys_) scratch.d_k = from.take(n_rows * a.k_width());
  if (!shares_keys_) scratch.d_v = from.take(n_rows * a.v_width());
  if (latent_) scratch.latent = latent_->take_scratch(from, n_rows);
  if (norms && spec_.keeps()) scratch.d_k_before = from.take(n_rows * a.k_width());
  if (a.value_norm && !a.value_is_key) scratch.d_v_before = from.take(n_rows * a.v_width());
  return scratch;
}

template LayerKept<float> TrainingLayer<float>::take_kept(Carver<float>&, Index) const;
template LayerKept<double> TrainingLayer<double>::take_kept(Carver<double>&, Index) const;
template LayerScratch<float> TrainingLayer<float>::take_scratch(Carver<float>&, Index) const;
template LayerScratch<double> TrainingLayer<double>::take_scratch(Carver<double>&, Index) const;

}  // namespace rw
