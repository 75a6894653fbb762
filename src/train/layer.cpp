// SPDX-License-Identifier: Apache-2.0
#include "train/layer.h"

namespace rw {

static bool shares_keys_of(const ModelConfig& config, std::size_t layer) {
  return config.layers[layer].kv_of >= 0 ||
         std::any_of(config.layers.begin(), config.layers.end(),
                     [&](const LayerSpec& other) { return other.kv_of == static_cast<int>(layer); });
}

template <class T>
TrainingLayer<T>::TrainingLayer(const Training<T>& ops, const ModelConfig& config, std::size_t layer,
                                const LayerWeights& weights, const LearningLayer& learning)
    : ops_(ops),
      spec_(config.layers[layer]),
      d_model_(config.d_model),
      shares_keys_(shares_keys_of(config, layer)),
      w_(weights),
      learning_(learning),
      q_(linear(weights.wq, weights.bq, learning.wq, learning.bq)),
      k_(linear(weights.wk, weights.bk, learning.wk, learning.bk)),
      v_(linear(weights.wv, weights.bv, learning.wv, learning.bv)),
      output_gate_(linear(weights.w_output_gate, nullptr, learning.w_output_gate, -1)),
      o_(linear(weights.wo, weights.bo, learning.wo, learning.bo)),
      gate_(linear(weights.w_gate, weights.b_gate, learning.w_gate, learning.b_gate)),
      up_(linear(weights.w_up, weights.b_up, learning.w_up, learning.b_up)),
      down_(linear(weights.w_down, weights.b_down, learning.w_down, learning.b_down)) {
  const AttentionSpec& a = spec_.attention;
  if (a.latent.any()) latent_.emplace(ops, a, weights, learning);
  if (spec_.recurs()) recurrent_.emplace(ops, spec_, weights.recurrent, learning.recurrence);
  if (config.per_layer_width > 0)
    per_layer_.emplace(ops, spec_, d_model_, config.per_layer_width, weights, learning);
  RW_CHECK(!spec_.parallel || (!spec_.post_norm && !spec_.norm_after_add));
  RW_CHECK((spec_.mixes() && spec_.feeds_forward()) ||
           (!spec_.parallel && !spec_.post_norm && !spec_.norm_after_add));
  RW_CHECK(!spec_.norm_after_add || (!spec_.pre_norm && !spec_.post_norm));
  RW_CHECK(!a.value_is_key || (a.value_norm && a.qk_norm != QkNorm::kNone));
  RW_CHECK(!shares_keys_ || (!a.rotary_value && !a.latent.any()));
}

template <class T>
LearnedLinear<T> TrainingLayer<T>::linear(const std::unique_ptr<Matrix>& w, const Vector& bias,
                                          const LearningMatrix& learning, Index bias_begin) const {
  return {ops_, w.get(), bias.get(), &learning, bias_begin};
}

template <class T>
Norm TrainingLayer<T>::norm(const NormWeights& w) const {
  return {.kind = spec_.norm, .weight = w.weight.get(), .bias = w.bias.get(), .eps = spec_.norm_eps};
}

// ---------------------------------------------------------------- forward

/// x as a part reads it: normalised in scratch, or as it is.
template <class T>
const T* TrainingLayer<T>::normed(const Pass& p, const T* x, const NormWeights& w) const {
  if (!spec_.pre_norm) return x;
  ops_.norm(x, p.n_rows, d_model_, norm(w), p.scratch.normed);
  return p.scratch.normed;
}

/// y = (or y +=) scale ffn(x), normalised where the layer does; y null: no further than the activation
template <class T>
void TrainingLayer<T>::feed_forward(const Pass& p, const T* x, T* y, bool add, float scale) const {
  const LayerKept<T>& kept = p.kept;
  const T* in = normed(p, x, ffn_norm());
  if (kept.gate != nullptr) gate_.forward(in, p.n_rows, 1, false, kept.gate, kept.low_gate);
  up_.forward(in, p.n_rows, 1, false, kept.up, kept.low_up);
  if (y == nullptr) return;
  ops_.activate(kept.gate, kept.up, p.n_rows * spec_.ffn.d_ff, spec_.ffn.activation, p.scratch.h);
  down_.forward(p.scratch.h, p.n_rows, scale, add, y, p.scratch.low);
}

template <class T>
void TrainingLayer<T>::forward(const T* x, Index n_rows, std::span<const TextRows> texts,
                               const LayerKept<T>& kept, const LayerScratch<T>& scratch, T* y) const {
  const Pass p{x, n_rows, texts, kept, scratch};
  run_parts(p, per_layer_ ? kept.per_layer.x : y);
  if (per_layer_) per_layer_->forward(n_rows, kept.per_layer, scratch.per_layer, y);
  if (spec_.output_scale && y != nullptr) scale(ops_, y, n_rows * d_model_, w_.output_scale);
}

template <class T>
void TrainingLayer<T>::run_parts(const Pass& p, T* y) const {
  const auto& [x, n_rows, texts, kept, scratch] = p;
  const Index n = n_rows * d_model_;
  const float m = spec_.residual_multiplier;
  if (spec_.mixes()) mix(p);
  if (spec_.parallel) {  // both parts are of the same x
    feed_forward(p, x, y, false, m);
    if (y == nullptr) return o_.reduce(mixed(p), n_rows, kept.low_o);
    o_.forward(mixed(p), n_rows, m, true, y, kept.low_o);
    ops_.add_scaled(x, n, 1, y);
    return;
  }
  if (spec_.mixes()) {
    T* sum = spec_.norm_after_add ? kept.attn_sum : spec_.feeds_forward() ? kept.middle : y;
    if (sum == nullptr) return o_.reduce(mixed(p), n_rows, kept.low_o);
    copy(ops_, x, n, sum);
    if (spec_.post_norm) {
      o_.forward(mixed(p), n_rows, 1, false, kept.attn_part, kept.low_o);
      ops_.norm(kept.attn_part, n_rows, d_model_, norm(w_.attn_post_norm), scratch.part);
      ops_.add_scaled(scratch.part, n, m, sum);
    } else {
      o_.forward(mixed(p), n_rows, m, true, sum, kept.low_o);
    }
    if (spec_.norm_after_add) ops_.norm(sum, n_rows, d_model_, norm(w_.attn_norm), kept.middle);
  }
  if (spec_.feeds_forward()) run_second_part(p, y);
}

template <class T>
void TrainingLayer<T>::run_second_part(const Pass& p, T* y) const {
  const T* x = middle(p);
  const Index n = p.n_rows * d_model_;
  const float m = spec_.residual_multiplier;
  if (spec_.post_norm) {
    feed_forward(p, x, p.kept.ffn_part, false, 1);
    if (y == nullptr) return;
    copy(ops_, x, n, y);
    ops_.norm(p.kept.ffn_part, p.n_rows, d_model_, norm(w_.ffn_post_norm), p.scratch.part);
    ops_.add_scaled(p.scratch.part, n, m, y);
    return;
  }
  T* sum = spec_.norm_after_add ? p.kept.ffn_sum : y;
  if (sum != nullptr) copy(ops_, x, n, sum);
  feed_forward(p, x, sum, true, m);
  if (spec_.norm_after_add && y != nullptr) ops_.norm(sum, p.n_rows, d_model_, norm(w_.ffn_norm), y);
}

// ---------------------------------------------------------------- backward

template <class T>
void TrainingLayer<T>::back_through_norm(const Pass& p, const T* x, const NormWeights& w,
                                         const LearningNorm& learning, const T* d_normed, T* dx,
                                         T* gradient) const {
  if (spec_.pre_norm)
    norm_backward(ops_, x, d_normed, p.n_rows, d_model_, norm(w), learning, dx, gradient);
  else
    ops_.add_scaled(d_normed, p.n_rows * d_model_, 1, dx);
}

template <class T>
void TrainingLayer<T>::feed_forward_backward(const Pass& p, const T* x, const T* dy, float scale, T* dx,
                                             T* gradient) const {
  const LayerKept<T>& kept = p.kept;
  const LayerScratch<T>& s = p.scratch;
  const Index n = p.n_rows * spec_.ffn.d_ff;
  ops_.activate(kept.gate, kept.up, n, spec_.ffn.activation, s.h);
  set_zero(ops_, s.d_h, n);
  down_.reduce(s.h, p.n_rows, s.low);
  down_.backward(s.h, dy, p.n_rows, scale, s.d_h, gradient, s.low, s.d_low);
  ops_.activate_backward(kept.gate, kept.up, s.d_h, n, spec_.ffn.activation, s.d_gate, s.d_h);
  const T* in = normed(p, x, ffn_norm());
  set_zero(ops_, s.d_normed, p.n_rows * d_model_);
  up_.backward(in, s.d_h, p.n_rows, 1, s.d_normed, gradient, kept.low_up, s.d_low);
  if (kept.gate != nullptr)
    gate_.backward(in, s.d_gate, p.n_rows, 1, s.d_normed, gradient, kept.low_gate, s.d_low);
  back_through_norm(p, x, ffn_norm(), ffn_norm_learning(), s.d_normed, dx, gradient);
}

template <class T>
void TrainingLayer<T>::sum_backward(const Pass& p, const T* sum, const NormWeights& w,
                                    const LearningNorm& learning, T* dx, T* gradient) const {
  if (!spec_.norm_after_add) return;
  const Index n = p.n_rows * d_model_;
  copy(ops_, dx, n, p.scratch.part);
  set_zero(ops_, dx, n);
  norm_backward(ops_, sum, p.scratch.part, p.n_rows, d_model_, norm(w), learning, dx, gradient);
}

template <class T>
const T* TrainingLayer<T>::part_gradient(const Pass& p, const T* part, const NormWeights& w,
                                         const LearningNorm& learning, const T* dx, T* gradient) const {
  if (!spec_.post_norm) return dx;
  const Index n = p.n_rows * d_model_;
  T *scaled = p.scratch.d_normed, *d_part = p.scratch.part;
  set_zero(ops_, scaled, n);
  ops_.add_scaled(dx, n, spec_.residual_multiplier, scaled);
  set_zero(ops_, d_part, n);
  norm_backward(ops_, part, scaled, p.n_rows, d_model_, norm(w), learning, d_part, gradient);
  return d_part;
}

template <class T>
void TrainingLayer<T>::backward(const T* x, Index n_rows, std::span<const TextRows> texts,
                                const LayerKept<T>& kept, const LayerScratch<T>& scratch, T* dx,
                                T* gradient) const {
  const Pass p{x, n_rows, texts, kept, scratch};
  const float m = spec_.post_norm ? 1 : spec_.residual_multiplier;
  if (spec_.output_scale) scale(ops_, dx, n_rows * d_model_, w_.output_scale);
  if (per_layer_)
    per_layer_->backward(n_rows, kept.per_layer, scratch.per_layer, dx, gradient, scratch.d_low);
  if (spec_.parallel) {
    // dx is read until both parts have it, and written by each: the second reads a copy of what it was.
    T* dy = scratch.part;
    copy(ops_, dx, n_rows * d_model_, dy);
    feed_forward_backward(p, x, dy, m, dx, gradient);
    return mix_backward(p, dy, m, dx, gradient);
  }
  if (spec_.feeds_forward()) {
    sum_backward(p, kept.ffn_sum, w_.ffn_norm, learning_.ffn_norm, dx, gradient);
    const T* dy = part_gradient(p, kept.ffn_part, w_.ffn_post_norm, learning_.ffn_post_norm, dx, gradient);
    feed_forward_backward(p, middle(p), dy, m, dx, gradient);
  }
  if (!spec_.mixes()) return;
  sum_backward(p, kept.attn_sum, w_.attn_norm, learning_.attn_norm, dx, gradient);
  const T* dy = part_gradient(p, kept.attn_part, w_.attn_post_norm, learning_.attn_post_norm, dx, gradient);
  mix_backward(p, dy, m, dx, gradient);
}

template class TrainingLayer<float>;
template class TrainingLayer<double>;

}  // namespace rw
