// SPDX-License-Identifier: Apache-2.0
#include "train/layer.h"

namespace ropewalk {

template <class T>
struct TrainingLayer<T>::Pass {
  const T* x;
  Index n_rows;
  std::span<const TextRows> texts;
  const LayerKept<T>& kept;
  const LayerScratch<T>& scratch;

  /// Where texts begin, and where the last one ends (TrainingRecurrence::borders).
  std::vector<Index> borders() const {
    std::vector<Index> all;
    for (const TextRows& text : texts) all.push_back(text.begin);
    all.push_back(n_rows);
    return all;
  }
};

template <class T>
TrainingLayer<T>::TrainingLayer(const Training<T>& ops, const LayerSpec& spec, Index d_model,
                                const LayerWeights& weights, const LearningLayer& learning)
    : ops_(ops),
      spec_(spec),
      d_model_(d_model),
      w_(weights),
      learning_(learning),
      q_(linear(weights.wq, weights.bq, learning.wq, learning.bq)),
      k_(linear(weights.wk, weights.bk, learning.wk, learning.bk)),
      v_(linear(weights.wv, weights.bv, learning.wv, learning.bv)),
      output_gate_(linear(weights.w_output_gate, nullptr, learning.w_output_gate, -1)),
      o_(linear(weights.wo, weights.bo, learning.wo, learning.bo)),
      gate_(linear(weights.w_gate, weights.b_gate, learning.w_gate, learning.b_gate)),
      up_(linear(weights.w_up, weights.b_up, learning.w_up, learning.b_up)),
      down_(linear(weights.w_down, weights.b_down, learning.w_down, learning.b_down)),
      recurrent_(ops, spec, weights.recurrent, learning.recurrence) {
  RW_CHECK(!spec.parallel || (!spec.post_norm && !spec.norm_after_add));
  RW_CHECK((spec.mixes() && spec.feeds_forward()) ||
           (!spec.parallel && !spec.post_norm && !spec.norm_after_add));
  RW_CHECK(!spec.norm_after_add || (!spec.pre_norm && !spec.post_norm));
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

template <class T>
Norm TrainingLayer<T>::head_norm(const NormWeights& w, int n_heads) const {
  const AttentionSpec& a = spec_.attention;
  Norm norm{.kind = a.qk_norm_kind, .weight = w.weight.get(), .eps = spec_.norm_eps};
  if (a.qk_norm == QkNorm::kPerHeadOwn) norm.n_weights = n_heads;
  if (a.qk_norm == QkNorm::kPerHeadBehind) norm.weight = nullptr;
  return norm;
}

template <class T>
LayerKept<T> TrainingLayer<T>::take_kept(Carver<T>& from, Index n_rows) const {
  const AttentionSpec& a = spec_.attention;
  LayerKept<T> kept;
  kept.q = from.take(n_rows * a.q_width());
  kept.k = from.take(n_rows * a.k_width());
  kept.v = from.take(n_rows * a.k_width());
  if (a.qk_norm != QkNorm::kNone) {
    kept.q_before = from.take(n_rows * a.q_width());
    kept.k_before = from.take(n_rows * a.k_width());
  }
  if (a.output_gate) kept.output_gate = from.take(n_rows * a.q_width());
  if (spec_.recurs()) kept.recurrent = recurrent_.take_kept(from, n_rows);
  kept.attended = from.take(n_rows * mixed_width());
  kept.lse = from.take(n_rows * a.n_heads);
  if (spec_.post_norm) kept.attn_part = from.take(n_rows * d_model_);
  if (spec_.post_norm) kept.ffn_part = from.take(n_rows * d_model_);
  if (spec_.norm_after_add) kept.attn_sum = from.take(n_rows * d_model_);
  if (spec_.norm_after_add) kept.ffn_sum = from.take(n_rows * d_model_);
  if (!spec_.parallel && spec_.mixes() && spec_.feeds_forward()) kept.middle = from.take(n_rows * d_model_);
  if (spec_.ffn.gated) kept.gate = from.take(n_rows * spec_.ffn.d_ff);
  kept.up = from.take(n_rows * spec_.ffn.d_ff);
  kept.low_q = from.take(n_rows * q_.rank());
  kept.low_k = from.take(n_rows * k_.rank());
  kept.low_v = from.take(n_rows * v_.rank());
  kept.low_o = from.take(n_rows * o_.rank());
  kept.low_output_gate = from.take(n_rows * output_gate_.rank());
  kept.low_gate = from.take(n_rows * gate_.rank());
  kept.low_up = from.take(n_rows * up_.rank());
  return kept;
}

template <class T>
LayerScratch<T> TrainingLayer<T>::take_scratch(Carver<T>& from, Index n_rows) const {
  const AttentionSpec& a = spec_.attention;
  LayerScratch<T> scratch;
  if (spec_.pre_norm) scratch.normed = from.take(n_rows * d_model_);
  scratch.d_normed = from.take(n_rows * d_model_);
  if (spec_.post_norm || spec_.norm_after_add || spec_.parallel) scratch.part = from.take(n_rows * d_model_);
  Index rank = recurrent_.rank();
  for (const LearnedLinear<T>* linear : {&q_, &k_, &v_, &output_gate_, &o_, &gate_, &up_, &down_})
    rank = std::max(rank, linear->rank());
  scratch.low = from.take(n_rows * down_.rank());
  scratch.d_low = from.take(n_rows * rank);
  const Index begin = from.mark();  // the two parts come one after the other
  scratch.h = from.take(n_rows * spec_.ffn.d_ff);
  scratch.d_h = from.take(n_rows * spec_.ffn.d_ff);
  if (spec_.ffn.gated) scratch.d_gate = from.take(n_rows * spec_.ffn.d_ff);
  from.back_to(begin);
  scratch.d_attended = from.take(n_rows * mixed_width());
  if (a.output_gate) scratch.gated = from.take(n_rows * a.q_width());
  if (a.output_gate) scratch.d_output_gate = from.take(n_rows * a.q_width());
  if (spec_.recurs()) scratch.recurrent = recurrent_.take_scratch(from, n_rows);
  scratch.d_q = from.take(n_rows * a.q_width());
  scratch.d_k = from.take(n_rows * a.k_width());
  scratch.d_v = from.take(n_rows * a.k_width());
  if (a.qk_norm != QkNorm::kNone) scratch.d_k_before = from.take(n_rows * a.k_width());
  return scratch;
}

// ---------------------------------------------------------------- forward

/// x as a part reads it: normalised in scratch, or as it is.
template <class T>
const T* TrainingLayer<T>::normed(const Pass& p, const T* x, const NormWeights& w) const {
  if (!spec_.pre_norm) return x;
  ops_.norm(x, p.n_rows, d_model_, norm(w), p.scratch.normed);
  return p.scratch.normed;
}

template <class T>
void TrainingLayer<T>::normalise_heads(const Pass& p, const NormWeights& w, int n_heads, const T* before,
                                       T* heads) const {
  const AttentionSpec& a = spec_.attention;
  const bool whole = a.qk_norm == QkNorm::kWholeRow;
  ops_.norm(before, whole ? p.n_rows : p.n_rows * n_heads,
            whole ? Index{n_heads} * a.head_dim : Index{a.head_dim}, head_norm(w, n_heads), heads);
}

template <class T>
void TrainingLayer<T>::project(const Pass& p) const {
  const LayerKept<T>& kept = p.kept;
  const T* x = normed(p, p.x, w_.attn_norm);
  const bool norms = kept.q_before != nullptr;
  k_.forward(x, p.n_rows, 1, false, norms ? kept.k_before : kept.k, kept.low_k);
  v_.forward(x, p.n_rows, 1, false, kept.v, kept.low_v);
  q_.forward(x, p.n_rows, 1, false, norms ? kept.q_before : kept.q, kept.low_q);
  if (kept.output_gate != nullptr)
    output_gate_.forward(x, p.n_rows, 1, false, kept.output_gate, kept.low_output_gate);
  if (!norms) return;
  normalise_heads(p, w_.k_norm, spec_.attention.n_kv_heads, kept.k_before, kept.k);
  normalise_heads(p, w_.q_norm, spec_.attention.n_heads, kept.q_before, kept.q);
}

template <class T>
void TrainingLayer<T>::rotate_values(const Pass& p, T* v, bool backward) const {
  const AttentionSpec& a = spec_.attention;
  if (!a.rotary_value) return;
  for (const TextRows& text : p.texts) {
    const int n_heads = a.n_kv_heads / static_cast<int>(text.groups.size());
    T* group = v + text.begin * a.k_width();
    for (const TextPlan* plan : text.groups) {
      ops_.rotate(group, text.n, n_heads, a.head_dim, a.k_width(), 0, plan->pointwise.theta, backward);
      group += Index{n_heads} * a.head_dim;
    }
  }
}

/// One for each text and group of heads.
template <class T>
std::vector<TrainingAttention<T>> TrainingLayer<T>::attention_tasks(const Pass& p) const {
  const AttentionSpec& a = spec_.attention;
  const LayerKept<T>& kept = p.kept;
  std::vector<TrainingAttention<T>> tasks;
  T* lse = kept.lse;
  for (const TextRows& text : p.texts) {
    const auto n_groups = static_cast<int>(text.groups.size());
    for (int g = 0; g < n_groups; ++g) {
      TrainingAttention<T> task;
      task.n_heads = a.n_heads / n_groups, task.n_kv_heads = a.n_kv_heads / n_groups;
      task.head_dim = a.head_dim, task.q_stride = a.q_width(), task.kv_stride = a.k_width();
      const Index q_at = text.begin * a.q_width() + Index{g} * task.n_heads * a.head_dim;
      const Index kv_at = text.begin * a.k_width() + Index{g} * task.n_kv_heads * a.head_dim;
      const TextPlan& plan = *text.groups[static_cast<std::size_t>(g)];
      task.plan = &plan.plan, task.keys = &plan.keys, task.pointwise = &plan.pointwise;
      task.weight = w_.behind.get();
      task.q = kept.q + q_at, task.k = kept.k + kv_at, task.v = kept.v + kv_at;
      task.out = kept.attended + q_at, task.lse = lse;
      lse += text.n * task.n_heads;
      task.d_out = p.scratch.d_attended + q_at, task.d_q = p.scratch.d_q + q_at;
      task.d_k = p.scratch.d_k + kv_at, task.d_v = p.scratch.d_v + kv_at;
      tasks.push_back(task);
    }
  }
  return tasks;
}

/// Of what the first part's output matrix reads.
template <class T>
Index TrainingLayer<T>::mixed_width() const {
  return spec_.recurs() ? spec_.recurrence.value_width() : spec_.attention.q_width();
}

/// The first part as far as its output matrix.
template <class T>
void TrainingLayer<T>::mix(const Pass& p) const {
  if (spec_.recurs())
    return recurrent_.forward(normed(p, p.x, w_.attn_norm), p.borders(), p.kept.recurrent,
                              p.scratch.recurrent, p.kept.attended);
  project(p);
  rotate_values(p, p.kept.v, false);
  ops_.attention(attention_tasks(p));
}

/// What the output matrix of the first part reads.
template <class T>
const T* TrainingLayer<T>::mixed(const Pass& p) const {
  if (p.kept.output_gate == nullptr) return p.kept.attended;
  ops_.activate(p.kept.output_gate, p.kept.attended, p.n_rows * mixed_width(), Activation::kSigmoid,
                p.scratch.gated);
  return p.scratch.gated;
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
const T* TrainingLayer<T>::middle(const Pass& p) const {
  return spec_.mixes() ? p.kept.middle : p.x;
}

template <class T>
void TrainingLayer<T>::forward(const T* x, Index n_rows, std::span<const TextRows> texts,
                               const LayerKept<T>& kept, const LayerScratch<T>& scratch, T* y) const {
  const Pass p{x, n_rows, texts, kept, scratch};
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
    T* sum = spec_.norm_after_add ? kept.attn_sum : kept.middle != nullptr ? kept.middle : y;
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
  if (spec_.feeds_forward()) add_feed_forward(p, y);
}

/// y = what the second part makes of the middle; null: no further than backward needs
template <class T>
void TrainingLayer<T>::add_feed_forward(const Pass& p, T* y) const {
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

/// d_before = the gradient before the norm of heads
template <class T>
void TrainingLayer<T>::heads_backward(const Pass& p, const NormWeights& w, const LearningNorm& learning,
                                      int n_heads, const T* before, const T* d_heads, T* d_before,
                                      T* gradient) const {
  const AttentionSpec& a = spec_.attention;
  const Index width = Index{n_heads} * a.head_dim;
  const bool whole = a.qk_norm == QkNorm::kWholeRow;
  set_zero(ops_, d_before, p.n_rows * width);
  norm_backward(ops_, before, d_heads, whole ? p.n_rows : p.n_rows * n_heads,
                whole ? width : Index{a.head_dim}, head_norm(w, n_heads), learning, d_before, gradient);
}

template <class T>
void TrainingLayer<T>::project_backward(const Pass& p, T* dx, T* gradient) const {
  const AttentionSpec& a = spec_.attention;
  const LayerScratch<T>& s = p.scratch;
  T *d_q = s.d_q, *d_k = s.d_k;
  if (a.qk_norm != QkNorm::kNone) {
    d_q = s.d_attended, d_k = s.d_k_before;  // d_attended has done its work
    heads_backward(p, w_.q_norm, learning_.q_norm, a.n_heads, p.kept.q_before, s.d_q, d_q, gradient);
    heads_backward(p, w_.k_norm, learning_.k_norm, a.n_kv_heads, p.kept.k_before, s.d_k, d_k, gradient);
  }
  const T* in = normed(p, p.x, w_.attn_norm);
  set_zero(ops_, s.d_normed, p.n_rows * d_model_);
  k_.backward(in, d_k, p.n_rows, 1, s.d_normed, gradient, p.kept.low_k, s.d_low);
  v_.backward(in, s.d_v, p.n_rows, 1, s.d_normed, gradient, p.kept.low_v, s.d_low);
  q_.backward(in, d_q, p.n_rows, 1, s.d_normed, gradient, p.kept.low_q, s.d_low);
  if (s.d_output_gate != nullptr)
    output_gate_.backward(in, s.d_output_gate, p.n_rows, 1, s.d_normed, gradient, p.kept.low_output_gate,
                          s.d_low);
  back_through_norm(p, p.x, w_.attn_norm, learning_.attn_norm, s.d_normed, dx, gradient);
}

template <class T>
void TrainingLayer<T>::mix_backward(const Pass& p, const T* d_part, float scale, T* dx, T* gradient) const {
  const LayerScratch<T>& s = p.scratch;
  const Index n = p.n_rows * mixed_width();
  set_zero(ops_, s.d_attended, n);
  o_.backward(mixed(p), d_part, p.n_rows, scale, s.d_attended, gradient, p.kept.low_o, s.d_low);
  if (!spec_.recurs()) {
    if (p.kept.output_gate != nullptr)
      ops_.activate_backward(p.kept.output_gate, p.kept.attended, s.d_attended, n, Activation::kSigmoid,
                             s.d_output_gate, s.d_attended);
    return attention_backward(p, dx, gradient);
  }
  const T* in = normed(p, p.x, w_.attn_norm);
  set_zero(ops_, s.d_normed, p.n_rows * d_model_);
  recurrent_.backward(in, p.borders(), p.kept.recurrent, s.recurrent, s.d_attended, s.d_low, s.d_normed,
                      gradient);
  back_through_norm(p, p.x, w_.attn_norm, learning_.attn_norm, s.d_normed, dx, gradient);
}

template <class T>
void TrainingLayer<T>::attention_backward(const Pass& p, T* dx, T* gradient) const {
  const AttentionSpec& a = spec_.attention;
  const LayerScratch<T>& s = p.scratch;
  set_zero(ops_, s.d_q, p.n_rows * a.q_width());
  set_zero(ops_, s.d_k, p.n_rows * a.k_width());
  set_zero(ops_, s.d_v, p.n_rows * a.k_width());
  std::vector<TrainingAttention<T>> tasks = attention_tasks(p);
  for (TrainingAttention<T>& task : tasks)
    task.d_weight = learning_.behind >= 0 ? gradient + learning_.behind : nullptr;
  ops_.attention_backward(tasks);
  rotate_values(p, s.d_v, true);
  project_backward(p, dx, gradient);
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
void TrainingLayer<T>::second_part_backward(const Pass& p, T* dx, T* gradient) const {
  sum_backward(p, p.kept.ffn_sum, w_.ffn_norm, learning_.ffn_norm, dx, gradient);
  const T* dy =
      part_gradient(p, p.kept.ffn_part, w_.ffn_post_norm, learning_.ffn_post_norm, dx, gradient);
  feed_forward_backward(p, middle(p), dy, spec_.post_norm ? 1 : spec_.residual_multiplier, dx, gradient);
}

template <class T>
void TrainingLayer<T>::backward(const T* x, Index n_rows, std::span<const TextRows> texts,
                                const LayerKept<T>& kept, const LayerScratch<T>& scratch, T* dx,
                                T* gradient) const {
  const Pass p{x, n_rows, texts, kept, scratch};
  const float m = spec_.post_norm ? 1 : spec_.residual_multiplier;
  if (spec_.parallel) {
    // dx is read until both parts have it, and written by each: the second reads a copy of what it was.
    T* dy = scratch.part;
    copy(ops_, dx, n_rows * d_model_, dy);
    feed_forward_backward(p, x, dy, m, dx, gradient);
    mix_backward(p, dy, m, dx, gradient);
    return;
  }
  if (spec_.feeds_forward()) second_part_backward(p, dx, gradient);
  if (!spec_.mixes()) return;
  sum_backward(p, kept.attn_sum, w_.attn_norm, learning_.attn_norm, dx, gradient);
  const T* dy = part_gradient(p, kept.attn_part, w_.attn_post_norm, learning_.attn_post_norm, dx, gradient);
  mix_backward(p, dy, m, dx, gradient);
}

template class TrainingLayer<float>;
template class TrainingLayer<double>;

}  // namespace ropewalk
