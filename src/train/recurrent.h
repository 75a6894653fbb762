// SPDX-License-Identifier: Apache-2.0
/// Layers with a state (model/recurrent.h) forward and backward: what they compute between a normalised row
/// and the output matrix. Of the states those before every kStateRows-th row are kept; the others are
/// computed once more in the backward of the recurrence.
#pragma once
#include <span>
#include <vector>

#include "model/weights.h"
#include "train/learned_linear.h"

namespace rw {

/// What backward needs of a forward. Null: the layer has no such thing.
template <class T>
struct RecurrentKept {
  T *q = nullptr, *k = nullptr, *v = nullptr;  // (n_rows, key_width) x 2, (n_rows, value_width): projected
  T *q_convolved = nullptr, *k_convolved = nullptr, *v_convolved = nullptr;
  T *q_unit = nullptr, *k_unit = nullptr;  // of the delta rule: each head of length 1, q over sqrt(key_dim)
  T *gate = nullptr, *before = nullptr;    // (n_rows, value_width)
  T *step = nullptr, *weight = nullptr;    // (n_rows, n_heads)
  T* out = nullptr;                        // (n_rows, value_width): what the recurrence gives
  T* states = nullptr;                     // (kept_states(n_rows), n_heads, value_dim, key_dim)
  /// (n_rows, rank): LearnedLinear::reduce of each matrix
  T *low_q = nullptr, *low_k = nullptr, *low_v = nullptr, *low_gate = nullptr, *low_before = nullptr;
  T *low_step = nullptr, *low_weight = nullptr;
};

/// Rows that live during one call.
template <class T>
struct RecurrentScratch {
  T *values = nullptr, *d_gate = nullptr, *d_out = nullptr, *d_v = nullptr;  // (n_rows, value_width)
  T *d_q = nullptr, *d_k = nullptr, *d_q_convolved = nullptr,
    *d_k_convolved = nullptr;                // (n_rows, key_width)
  T *d_step = nullptr, *d_weight = nullptr;  // (n_rows, n_heads)
};

template <class T>
class TrainingRecurrent {
 public:
  /// LIFETIME: all outlive it.
  TrainingRecurrent(const Training<T>& ops, const LayerSpec& spec, const RecurrentWeights& weights,
                    const LearningRecurrence& learning);

  /// The largest rank of a low-rank pair.
  Index rank() const;
  RecurrentKept<T> take_kept(Carver<T>& from, Index n_rows) const;
  RecurrentScratch<T> take_scratch(Carver<T>& from, Index n_rows) const;

  /// mixed (n_rows, value_width) = what the output matrix multiplies, of x (n_rows, d_model), normalised.
  void forward(const T* x, std::span<const Index> borders, const RecurrentKept<T>& kept,
               const RecurrentScratch<T>& scratch, T* mixed) const;
  /// dx += of d_mixed, which is written over; gradient += of all that learns. d_low (n_rows, rank) is
  /// scratch.
  void backward(const T* x, std::span<const Index> borders, const RecurrentKept<T>& kept,
                const RecurrentScratch<T>& scratch, T* d_mixed, T* d_low, T* dx, T* gradient) const;

 private:
  Convolution convolution(Index width, const Vector& taps, const Vector& bias) const;
  TrainingRecurrence<T> rows_of(std::span<const Index> borders, const RecurrentKept<T>& kept) const;
  void short_convolution(std::span<const Index> borders, const RecurrentKept<T>& kept,
                         const RecurrentScratch<T>& scratch, T* mixed) const;
  void short_convolution_backward(std::span<const Index> borders, const RecurrentKept<T>& kept,
                                  const RecurrentScratch<T>& scratch, T* d_mixed, T* gradient) const;
  void mix(Index n_rows, const RecurrentKept<T>& kept, const RecurrentScratch<T>& scratch, T* mixed) const;
  /// d_out and d_gate of d_mixed
  void mix_backward(Index n_rows, const RecurrentKept<T>& kept, const RecurrentScratch<T>& scratch,
                    T* d_mixed, T* gradient) const;
  void recurrence_backward(std::span<const Index> borders, const RecurrentKept<T>& kept,
                           const RecurrentScratch<T>& scratch, T* gradient) const;
  /// Of one head of q or k: d_convolved = the gradient before its length became 1.
  void unit_backward(Index n_rows, const T* convolved, const T* d_unit, const Vector& unit,
                     T* d_convolved) const;

  const Training<T>& ops_;
  const LayerSpec& layer_;
  const RecurrenceSpec& spec_;
  const RecurrentWeights& w_;
  const LearningRecurrence& learning_;
  LearnedLinear<T> q_, k_, v_, gate_, before_, step_, weight_;
};

extern template class TrainingRecurrent<float>;
extern template class TrainingRecurrent<double>;

}  // namespace rw
