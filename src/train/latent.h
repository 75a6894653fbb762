// SPDX-License-Identifier: Apache-2.0
/// Queries, keys and values that are made of latents (model/latent.h), forward and backward.
#pragma once
#include "model/weights.h"
#include "train/learned_linear.h"

namespace rw {

/// What backward needs of forward.
template <class T>
struct LatentKept {
  T *kv = nullptr, *q = nullptr;  // (n_rows, kv_rank), (n_rows, q_rank) before their norms
  /// (n_rows, rank): LearnedLinear::reduce of each matrix
  T *low_latent_q = nullptr, *low_latent_kv = nullptr, *low_shared = nullptr;
  T *low_q = nullptr, *low_k = nullptr, *low_v = nullptr;
};

/// Rows that live during one call.
template <class T>
struct LatentScratch {
  T *kv = nullptr, *d_kv = nullptr, *d_kv_before = nullptr;  // (n_rows, kv_rank), behind the norm or before
  T *q = nullptr, *d_q = nullptr, *d_q_before = nullptr;     // (n_rows, q_rank)
  T* shared = nullptr;                                       // (n_rows, rotary_dim): of keys, or its gradient
  T* own = nullptr;                                          // (n_rows, n_heads, own_dim): the same
};

template <class T>
class TrainingLatent {
 public:
  /// LIFETIME: all outlive it.
  TrainingLatent(const Training<T>& ops, const AttentionSpec& spec, const LayerWeights& weights,
                 const LearningLayer& learning);

  LatentKept<T> take_kept(Carver<T>& from, Index n_rows) const;
  LatentScratch<T> take_scratch(Carver<T>& from, Index n_rows) const;
  /// The most of any matrix's pair.
  Index rank() const;

  /// q (n_rows, n_heads, head_dim), k the same, v (n_rows, n_heads, value_dim) of x (n_rows, d_model).
  void forward(const T* x, Index n_rows, const LatentKept<T>& kept, const LatentScratch<T>& scratch, T* q,
               T* k, T* v) const;
  /// dx += by their gradients. gradient: of all that learns, +=. d_low (n_rows, rank()) is scratch.
  void backward(const T* x, Index n_rows, const LatentKept<T>& kept, const LatentScratch<T>& scratch,
                const T* d_q, const T* d_k, const T* d_v, T* dx, T* gradient, T* d_low) const;

 private:
  void join(const T* shared, const T* own, Index n_rows, T* k) const;
  void split(const T* d_k, Index n_rows, T* d_shared, T* d_own) const;

  const Training<T>& ops_;
  const AttentionSpec& spec_;
  Norm q_norm_, kv_norm_;
  const LearningLatent& learning_;
  LearnedLinear<T> latent_q_, latent_kv_, shared_, q_, k_, v_;
};

extern template class TrainingLatent<float>;
extern template class TrainingLatent<double>;

}  // namespace rw
