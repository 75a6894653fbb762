// SPDX-License-Identifier: Apache-2.0
#include "train/recurrent.h"

#include "model/recurrent_operations.h"

namespace rw {

template <class T>
TrainingRecurrent<T>::TrainingRecurrent(const Training<T>& ops, const LayerSpec& spec,
                                        const RecurrentWeights& weights, const LearningRecurrence& learning)
    : ops_(ops),
      layer_(spec),
      spec_(spec.recurrence),
      w_(weights),
      learning_(learning),
      q_{ops, weights.wq.get(), nullptr, &learning.wq},
      k_{ops, weights.wk.get(), nullptr, &learning.wk},
      v_{ops, weights.wv.get(), nullptr, &learning.wv},
      gate_{ops, weights.w_gate.get(), nullptr, &learning.w_gate},
      before_{ops, weights.w_before.get(), nullptr, &learning.w_before},
      step_{ops, weights.w_step.get(), nullptr, &learning.w_step},
      weight_{ops, weights.w_weight.get(), nullptr, &learning.w_weight} {}

template <class T>
Index TrainingRecurrent<T>::rank() const {
  Index rank = 0;
  for (const LearnedLinear<T>* linear : {&q_, &k_, &v_, &gate_, &before_, &step_, &weight_})
    rank = std::max(rank, linear->rank());
  return rank;
}

template <class T>
RecurrentKept<T> TrainingRecurrent<T>::take_kept(Carver<T>& from, Index n_rows) const {
  const Index values = n_rows * spec_.value_width(), keys = n_rows * spec_.key_width();
  const bool delta = spec_.kind == RecurrenceKind::kDeltaRule;
  RecurrentKept<T> kept;
  kept.v = from.take(values), kept.v_convolved = from.take(values), kept.gate = from.take(values);
  kept.low_v = from.take(n_rows * v_.rank()), kept.low_gate = from.take(n_rows * gate_.rank());
  if (spec_.kind == RecurrenceKind::kShortConvolution) {
    kept.before = from.take(values);
    kept.low_before = from.take(n_rows * before_.rank());
    return kept;
  }
  for (T** rows : {&kept.q, &kept.k, &kept.q_convolved, &kept.k_convolved}) *rows = from.take(keys);
  if (delta) kept.q_unit = from.take(keys), kept.k_unit = from.take(keys);
  kept.step = from.take(n_rows * spec_.n_heads);
  if (delta) kept.weight = from.take(n_rows * spec_.n_heads);
  kept.out = from.take(values);
  kept.states = from.take(kept_states(n_rows) * spec_.n_heads * spec_.key_dim * spec_.value_dim);
  kept.low_q = from.take(n_rows * q_.rank()), kept.low_k = from.take(n_rows * k_.rank());
  kept.low_step = from.take(n_rows * step_.rank()), kept.low_weight = from.take(n_rows * weight_.rank());
  return kept;
}

template <class T>
RecurrentScratch<T> TrainingRecurrent<T>::take_scratch(Carver<T>& from, Index n_rows) const {
  const Index values = n_rows * spec_.value_width(), keys = n_rows * spec_.key_width();
  RecurrentScratch<T> s;
  for (T** rows : {&s.values, &s.d_gate, &s.d_out, &s.d_v}) *rows = from.take(values);
  for (T** rows : {&s.d_q, &s.d_k, &s.d_q_convolved, &s.d_k_convolved}) *rows = from.take(keys);
  if (spec_.kind == RecurrenceKind::kShortConvolution) return s;
  s.d_step = from.take(n_rows * spec_.n_heads);
  if (spec_.kind == RecurrenceKind::kDeltaRule) s.d_weight = from.take(n_rows * spec_.n_heads);
  return s;
}

template <class T>
Convolution TrainingRecurrent<T>::convolution(Index width, const Vector& taps, const Vector& bias) const {
  return {.taps = taps.get(),
          .bias = bias.get(),
          .width = width,
          .n_taps = spec_.n_taps,
          .silu = spec_.kind != RecurrenceKind::kShortConvolution};
}

template <class T>
TrainingRecurrence<T> TrainingRecurrent<T>::rows_of(std::span<const Index> borders,
                                                    const RecurrentKept<T>& kept) const {
  const bool delta = spec_.kind == RecurrenceKind::kDeltaRule;
  TrainingRecurrence<T> rows;
  rows.borders = borders;
  rows.q = delta ? kept.q_unit : kept.q_convolved, rows.k = delta ? kept.k_unit : kept.k_convolved;
  rows.v = kept.v_convolved, rows.step = kept.step, rows.weight = kept.weight;
  rows.out = kept.out, rows.states = kept.states;
  return rows;
}

// ---------------------------------------------------------------- forward

template <class T>
void TrainingRecurrent<T>::forward(const T* x, std::span<const Index> borders, const RecurrentKept<T>& kept,
                                   const RecurrentScratch<T>& scratch, T* mixed) const {
  const Index n = borders.back(), keys = spec_.key_width(), heads = n * spec_.n_key_heads;
  v_.forward(x, n, 1, false, kept.v, kept.low_v);
  gate_.forward(x, n, 1, false, kept.gate, kept.low_gate);
  if (spec_.kind == RecurrenceKind::kShortConvolution) {
    before_.forward(x, n, 1, false, kept.before, kept.low_before);
    return short_convolution(borders, kept, scratch, mixed);
  }
  q_.forward(x, n, 1, false, kept.q, kept.low_q);
  k_.forward(x, n, 1, false, kept.k, kept.low_k);
  step_.forward(x, n, 1, false, kept.step, kept.low_step);
  if (kept.weight != nullptr) weight_.forward(x, n, 1, false, kept.weight, kept.low_weight);
  ops_.convolve(kept.q, borders, convolution(keys, w_.taps_q, w_.bias_q), kept.q_convolved);
  ops_.convolve(kept.k, borders, convolution(keys, w_.taps_k, w_.bias_k), kept.k_convolved);
  ops_.convolve(kept.v, borders, convolution(spec_.value_width(), w_.taps_v, w_.bias_v), kept.v_convolved);
  if (kept.q_unit != nullptr) {
    ops_.norm(kept.q_convolved, heads, spec_.key_dim, unit_norm(spec_, w_.unit_q), kept.q_unit);
    ops_.norm(kept.k_convolved, heads, spec_.key_dim, unit_norm(spec_, w_.unit_k), kept.k_unit);
  }
  ops_.recur(rows_of(borders, kept), recurrence_of(spec_, w_));
  mix(n, kept, scratch, mixed);
}

template <class T>
void TrainingRecurrent<T>::short_convolution(std::span<const Index> borders, const RecurrentKept<T>& kept,
                                             const RecurrentScratch<T>& scratch, T* mixed) const {
  const Index width = spec_.value_width(), n = borders.back() * width;
  ops_.activate(kept.before, kept.v, n, Activation::kIdentity, scratch.values);
  ops_.convolve(scratch.values, borders, convolution(width, w_.taps_v, nullptr), kept.v_convolved);
  ops_.activate(kept.gate, kept.v_convolved, n, Activation::kIdentity, mixed);
}

/// mixed = norm(out) * silu(gate) of the delta rule, else norm(out * silu(gate))
template <class T>
void TrainingRecurrent<T>::mix(Index n_rows, const RecurrentKept<T>& kept, const RecurrentScratch<T>& scratch,
                               T* mixed) const {
  const Index n = n_rows * spec_.value_width();
  const Norm norm = norm_behind(layer_, w_);
  if (spec_.kind == RecurrenceKind::kDeltaRule) {
    ops_.norm(kept.out, n_rows * spec_.n_heads, spec_.value_dim, norm, scratch.values);
    ops_.activate(kept.gate, scratch.values, n, Activation::kSilu, mixed);
    return;
  }
  ops_.activate(kept.gate, kept.out, n, Activation::kSilu, scratch.values);
  ops_.norm(scratch.values, n_rows * spec_.n_norm_groups, spec_.value_width() / spec_.n_norm_groups, norm,
            mixed);
}

// ---------------------------------------------------------------- backward

template <class T>
void TrainingRecurrent<T>::short_convolution_backward(std::span<const Index> borders,
                                                      const RecurrentKept<T>& kept,
                                                      const RecurrentScratch<T>& s, T* d_mixed,
                                                      T* gradient) const {
  const Index width = spec_.value_width(), n = borders.back() * width;
  ops_.activate_backward(kept.gate, kept.v_convolved, d_mixed, n, Activation::kIdentity, s.d_gate, s.d_out);
  ops_.activate(kept.before, kept.v, n, Activation::kIdentity, s.values);
  ops_.convolve_backward(s.values, s.d_out, borders, convolution(width, w_.taps_v, nullptr), d_mixed,
                         learning_.taps_v >= 0 ? gradient + learning_.taps_v : nullptr, nullptr);
  ops_.activate_backward(kept.before, kept.v, d_mixed, n, Activation::kIdentity, s.d_out, s.d_v);
}

template <class T>
void TrainingRecurrent<T>::mix_backward(Index n_rows, const RecurrentKept<T>& kept,
                                        const RecurrentScratch<T>& s, T* d_mixed, T* gradient) const {
  const Index n = n_rows * spec_.value_width();
  const Norm norm = norm_behind(layer_, w_);
  const LearningNorm learning{learning_.norm, -1};
  if (spec_.kind == RecurrenceKind::kDeltaRule) {
    ops_.norm(kept.out, n_rows * spec_.n_heads, spec_.value_dim, norm, s.values);
    ops_.activate_backward(kept.gate, s.values, d_mixed, n, Activation::kSilu, s.d_gate, d_mixed);
    set_zero(ops_, s.d_out, n);
    norm_backward(ops_, kept.out, d_mixed, n_rows * spec_.n_heads, spec_.value_dim, norm, learning, s.d_out,
                  gradient);
    return;
  }
  ops_.activate(kept.gate, kept.out, n, Activation::kSilu, s.values);
  set_zero(ops_, s.d_out, n);
  norm_backward(ops_, s.values, d_mixed, n_rows * spec_.n_norm_groups,
                spec_.value_width() / spec_.n_norm_groups, norm, learning, s.d_out, gradient);
  ops_.activate_backward(kept.gate, kept.out, s.d_out, n, Activation::kSilu, s.d_gate, s.d_out);
}

template <class T>
void TrainingRecurrent<T>::unit_backward(Index n_rows, const T* convolved, const T* d_unit,
                                         const Vector& unit, T* d_convolved) const {
  set_zero(ops_, d_convolved, n_rows * spec_.key_width());
  norm_backward(ops_, convolved, d_unit, n_rows * spec_.n_key_heads, spec_.key_dim, unit_norm(spec_, unit),
                {}, d_convolved, static_cast<T*>(nullptr));
}

/// d_q, d_k and d_v by the projections, d_step and d_weight, all of d_out
template <class T>
void TrainingRecurrent<T>::recurrence_backward(std::span<const Index> borders, const RecurrentKept<T>& kept,
                                               const RecurrentScratch<T>& s, T* gradient) const {
  const Index n = borders.back(), keys = spec_.key_width();
  const auto at = [&](Index begin) { return begin >= 0 ? gradient + begin : nullptr; };
  TrainingRecurrence<T> rows = rows_of(borders, kept);
  const bool unit = kept.q_unit != nullptr;
  rows.d_out = s.d_out, rows.d_v = s.values, rows.d_step = s.d_step, rows.d_weight = s.d_weight;
  rows.d_q = unit ? s.d_q : s.d_q_convolved, rows.d_k = unit ? s.d_k : s.d_k_convolved;
  rows.d_rate = at(learning_.rate), rows.d_step_bias = at(learning_.step_bias),
  rows.d_skip = at(learning_.skip);
  set_zero(ops_, rows.d_q, n * keys), set_zero(ops_, rows.d_k, n * keys);
  ops_.recur_backward(rows, recurrence_of(spec_, w_));
  if (unit) unit_backward(n, kept.q_convolved, s.d_q, w_.unit_q, s.d_q_convolved);
  if (unit) unit_backward(n, kept.k_convolved, s.d_k, w_.unit_k, s.d_k_convolved);
  ops_.convolve_backward(kept.q, s.d_q_convolved, borders, convolution(keys, w_.taps_q, w_.bias_q), s.d_q,
                         at(learning_.taps_q), at(learning_.bias_q));
  ops_.convolve_backward(kept.k, s.d_k_convolved, borders, convolution(keys, w_.taps_k, w_.bias_k), s.d_k,
                         at(learning_.taps_k), at(learning_.bias_k));
  ops_.convolve_backward(kept.v, s.values, borders, convolution(spec_.value_width(), w_.taps_v, w_.bias_v),
                         s.d_v, at(learning_.taps_v), at(learning_.bias_v));
}

template <class T>
void TrainingRecurrent<T>::backward(const T* x, std::span<const Index> borders, const RecurrentKept<T>& kept,
                                    const RecurrentScratch<T>& s, T* d_mixed, T* d_low, T* dx,
                                    T* gradient) const {
  const Index n = borders.back();
  const auto back = [&](const LearnedLinear<T>& linear, const T* dy, const T* low) {
    linear.backward(x, dy, n, 1, dx, gradient, low, d_low);
  };
  if (spec_.kind == RecurrenceKind::kShortConvolution) {
    short_convolution_backward(borders, kept, s, d_mixed, gradient);
    back(before_, s.d_out, kept.low_before);
  } else {
    mix_backward(n, kept, s, d_mixed, gradient);
    recurrence_backward(borders, kept, s, gradient);
    back(q_, s.d_q, kept.low_q);
    back(k_, s.d_k, kept.low_k);
    back(step_, s.d_step, kept.low_step);
    if (kept.weight != nullptr) back(weight_, s.d_weight, kept.low_weight);
  }
  back(v_, s.d_v, kept.low_v);
  back(gate_, s.d_gate, kept.low_gate);
}

template class TrainingRecurrent<float>;
template class TrainingRecurrent<double>;

}  // namespace rw
