// SPDX-License-Identifier: Apache-2.0
/// The first part of a TrainingLayer, where rows learn of rows before them: attention, or what stands in its
/// place (train/recurrent.h), and the output matrix.
#include "train/layer.h"

namespace rw {

template <class T>
Norm TrainingLayer<T>::head_norm(const NormWeights& w, int n_heads) const {
  const AttentionSpec& a = spec_.attention;
  Norm norm{.kind = a.qk_norm_kind, .weight = w.weight.get(), .eps = spec_.norm_eps};
  if (a.qk_norm == QkNorm::kPerHeadOwn) norm.n_weights = n_heads;
  if (a.qk_norm == QkNorm::kPerHeadBehind) norm.weight = nullptr;
  return norm;
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
  if (latent_) return latent_->forward(x, p.n_rows, kept.latent, p.scratch.latent, kept.q, kept.k, kept.v);
  const AttentionSpec& a = spec_.attention;
  const bool norms = kept.q_before != nullptr;
  q_.forward(x, p.n_rows, 1, false, norms ? kept.q_before : kept.q, kept.low_q);
  if (norms) normalise_heads(p, w_.q_norm, a.n_heads, kept.q_before, kept.q);
  if (a.output_gate) output_gate_.forward(x, p.n_rows, 1, false, kept.output_gate, kept.low_output_gate);
  if (!spec_.keeps()) return;
  k_.forward(x, p.n_rows, 1, false, norms ? kept.k_before : kept.k, kept.low_k);
  if (norms) normalise_heads(p, w_.k_norm, a.n_kv_heads, kept.k_before, kept.k);
  if (!a.value_is_key) v_.forward(x, p.n_rows, 1, false, a.value_norm ? kept.v_before : kept.v, kept.low_v);
  if (a.value_norm)
    ops_.norm(before_value_norm(kept), p.n_rows * a.n_kv_heads, a.v_dim(), value_norm(), kept.v);
}

template <class T>
void TrainingLayer<T>::rotate_values(const Pass& p, T* v, bool backward) const {
  const AttentionSpec& a = spec_.attention;
  if (!a.rotary_value) return;
  for (const TextRows& text : p.texts) {
    const int n_heads = a.n_kv_heads / static_cast<int>(text.groups.size());
    T* group = v + text.begin * a.v_width();
    for (const TextPlan* plan : text.groups) {
      ops_.rotate(group, text.n, n_heads, a.v_dim(), a.v_width(), 0, plan->pointwise.theta, backward);
      group += Index{n_heads} * a.v_dim();
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
      task.head_dim = a.head_dim, task.value_dim = a.v_dim();
      task.q_stride = a.q_width(), task.k_stride = a.k_width(), task.v_stride = a.v_width();
      task.out_stride = a.out_width();
      const Index q_at = text.begin * a.q_width() + Index{g} * task.n_heads * a.head_dim;
      const Index k_at = text.begin * a.k_width() + Index{g} * task.n_kv_heads * a.head_dim;
      const Index v_at = text.begin * a.v_width() + Index{g} * task.n_kv_heads * a.v_dim();
      const Index out_at = text.begin * a.out_width() + Index{g} * task.n_heads * a.v_dim();
      const TextPlan& plan = *text.groups[static_cast<std::size_t>(g)];
      task.plan = &plan.plan, task.keys = &plan.keys, task.pointwise = &plan.pointwise;
      task.weight = w_.behind.get();
      task.q = kept.q + q_at, task.k = kept.k + k_at, task.v = kept.v + v_at;
      task.out = kept.attended + out_at, task.lse = lse;
      lse += text.n * task.n_heads;
      task.d_out = p.scratch.d_attended + out_at, task.d_q = p.scratch.d_q + q_at;
      if (p.scratch.d_k != nullptr)  // of keys that layers share a pass without gradients has none
        task.d_k = p.scratch.d_k + k_at, task.d_v = p.scratch.d_v + v_at;
      tasks.push_back(task);
    }
  }
  return tasks;
}

/// What the output matrix reads, as wide as mixed_width().
template <class T>
void TrainingLayer<T>::mix(const Pass& p) const {
  if (recurrent_)
    return recurrent_->forward(normed(p, p.x, w_.attn_norm), p.borders(), p.kept.recurrent,
                               p.scratch.recurrent, p.kept.attended);
  project(p);
  rotate_values(p, p.kept.v, false);
  ops_.attention(attention_tasks(p));
}

/// The same behind its gate.
template <class T>
const T* TrainingLayer<T>::mixed(const Pass& p) const {
  if (!spec_.attention.output_gate) return p.kept.attended;
  ops_.activate(p.kept.output_gate, p.kept.attended, p.n_rows * mixed_width(), Activation::kSigmoid,
                p.scratch.gated);
  return p.scratch.gated;
}

// ---------------------------------------------------------------- backward

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
typename TrainingLayer<T>::Projected TrainingLayer<T>::norms_backward(const Pass& p, T* gradient) const {
  const AttentionSpec& a = spec_.attention;
  const LayerScratch<T>& s = p.scratch;
  T *d_q = s.d_q, *d_k = s.d_k, *d_v = s.d_v;
  if (a.qk_norm != QkNorm::kNone) {
    d_q = s.d_attended;  // which has done its work
    heads_backward(p, w_.q_norm, learning_.q_norm, a.n_heads, p.kept.q_before, s.d_q, d_q, gradient);
  }
  if (!spec_.keeps()) return {d_q, nullptr, nullptr};
  if (a.qk_norm != QkNorm::kNone) {
    d_k = s.d_k_before;
    heads_backward(p, w_.k_norm, learning_.k_norm, a.n_kv_heads, p.kept.k_before, s.d_k, d_k, gradient);
  }
  if (a.value_norm) {
    d_v = a.value_is_key ? d_k : s.d_v_before;
    if (!a.value_is_key) set_zero(ops_, d_v, p.n_rows * a.v_width());
    norm_backward(ops_, before_value_norm(p.kept), s.d_v, p.n_rows * a.n_kv_heads, a.v_dim(), value_norm(),
                  {}, d_v, gradient);
  }
  return {d_q, d_k, d_v};
}

template <class T>
void TrainingLayer<T>::project_backward(const Pass& p, T* dx, T* gradient) const {
  const LayerScratch<T>& s = p.scratch;
  const auto [d_q, d_k, d_v] = norms_backward(p, gradient);
  const T* in = normed(p, p.x, w_.attn_norm);
  set_zero(ops_, s.d_normed, p.n_rows * d_model_);
  if (latent_) {
    latent_->backward(in, p.n_rows, p.kept.latent, s.latent, d_q, d_k, d_v, s.d_normed, gradient, s.d_low);
  } else {
    if (spec_.keeps()) k_.backward(in, d_k, p.n_rows, 1, s.d_normed, gradient, p.kept.low_k, s.d_low);
    if (spec_.keeps() && !spec_.attention.value_is_key)
      v_.backward(in, d_v, p.n_rows, 1, s.d_normed, gradient, p.kept.low_v, s.d_low);
    q_.backward(in, d_q, p.n_rows, 1, s.d_normed, gradient, p.kept.low_q, s.d_low);
    if (spec_.attention.output_gate)
      output_gate_.backward(in, s.d_output_gate, p.n_rows, 1, s.d_normed, gradient, p.kept.low_output_gate,
                            s.d_low);
  }
  back_through_norm(p, p.x, w_.attn_norm, learning_.attn_norm, s.d_normed, dx, gradient);
}

template <class T>
void TrainingLayer<T>::attention_backward(const Pass& p, T* dx, T* gradient) const {
  const AttentionSpec& a = spec_.attention;
  const LayerScratch<T>& s = p.scratch;
  if (a.output_gate)
    ops_.activate_backward(p.kept.output_gate, p.kept.attended, s.d_attended, p.n_rows * a.out_width(),
                           Activation::kSigmoid, s.d_output_gate, s.d_attended);
  set_zero(ops_, s.d_q, p.n_rows * a.q_width());
  if (!shares_keys_) set_zero(ops_, s.d_k, p.n_rows * a.k_width());
  if (!shares_keys_) set_zero(ops_, s.d_v, p.n_rows * a.v_width());
  std::vector<TrainingAttention<T>> tasks = attention_tasks(p);
  for (TrainingAttention<T>& task : tasks)
    task.d_weight = learning_.behind >= 0 ? gradient + learning_.behind : nullptr;
  ops_.attention_backward(tasks);
  rotate_values(p, s.d_v, true);
  project_backward(p, dx, gradient);
}

template <class T>
void TrainingLayer<T>::mix_backward(const Pass& p, const T* d_part, float scale, T* dx, T* gradient) const {
  const LayerScratch<T>& s = p.scratch;
  set_zero(ops_, s.d_attended, p.n_rows * mixed_width());
  o_.backward(mixed(p), d_part, p.n_rows, scale, s.d_attended, gradient, p.kept.low_o, s.d_low);
  if (!recurrent_) return attention_backward(p, dx, gradient);
  const T* in = normed(p, p.x, w_.attn_norm);
  set_zero(ops_, s.d_normed, p.n_rows * d_model_);
  recurrent_->backward(in, p.borders(), p.kept.recurrent, s.recurrent, s.d_attended, s.d_low, s.d_normed,
                       gradient);
  back_through_norm(p, p.x, w_.attn_norm, learning_.attn_norm, s.d_normed, dx, gradient);
}

template void TrainingLayer<float>::mix(const Pass&) const;
template const float* TrainingLayer<float>::mixed(const Pass&) const;
template void TrainingLayer<float>::mix_backward(const Pass&, const float*, float, float*, float*) const;
template void TrainingLayer<double>::mix(const Pass&) const;
template const double* TrainingLayer<double>::mixed(const Pass&) const;
template void TrainingLayer<double>::mix_backward(const Pass&, const double*, float, double*, double*) const;

}  // namespace rw
