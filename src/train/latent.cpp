// SPDX-License-Identifier: Apache-2.0
#include "train/latent.h"

#include "model/latent.h"

namespace rw {

template <class T>
TrainingLatent<T>::TrainingLatent(const Training<T>& ops, const AttentionSpec& spec,
                                  const LayerWeights& weights, const LearningLayer& learning)
    : ops_(ops),
      spec_(spec),
      q_norm_(norm_of_latent(weights.latent.q_norm)),
      kv_norm_(norm_of_latent(weights.latent.kv_norm)),
      learning_(learning.latent),
      latent_q_{ops, weights.latent.w_q.get(), nullptr, &learning.latent.w_q},
      latent_kv_{ops, weights.latent.w_kv.get(), nullptr, &learning.latent.w_kv},
      shared_{ops, weights.latent.w_shared.get(), nullptr, &learning.latent.w_shared},
      q_{ops, weights.wq.get(), nullptr, &learning.wq},
      k_{ops, weights.wk.get(), nullptr, &learning.wk},
      v_{ops, weights.wv.get(), nullptr, &learning.wv} {}

template <class T>
Index TrainingLatent<T>::rank() const {
  return std::max({latent_q_.rank(), latent_kv_.rank(), shared_.rank(), q_.rank(), k_.rank(), v_.rank()});
}

template <class T>
LatentKept<T> TrainingLatent<T>::take_kept(Carver<T>& from, Index n_rows) const {
  LatentKept<T> kept;
  kept.kv = from.take(n_rows * spec_.latent.kv_rank);
  kept.q = from.take(n_rows * spec_.latent.q_rank);
  kept.low_latent_q = from.take(n_rows * latent_q_.rank());
  kept.low_latent_kv = from.take(n_rows * latent_kv_.rank());
  kept.low_shared = from.take(n_rows * shared_.rank());
  kept.low_q = from.take(n_rows * q_.rank());
  kept.low_k = from.take(n_rows * k_.rank());
  kept.low_v = from.take(n_rows * v_.rank());
  return kept;
}

template <class T>
LatentScratch<T> TrainingLatent<T>::take_scratch(Carver<T>& from, Index n_rows) const {
  LatentScratch<T> scratch;
  for (T** rows : {&scratch.kv, &scratch.d_kv, &scratch.d_kv_before})
    *rows = from.take(n_rows * spec_.latent.kv_rank);
  for (T** rows : {&scratch.q, &scratch.d_q, &scratch.d_q_before})
    *rows = from.take(n_rows * spec_.latent.q_rank);
  scratch.shared = from.take(n_rows * spec_.rope.rotary_dim);
  scratch.own = from.take(n_rows * spec_.n_heads * spec_.own_dim());
  return scratch;
}

/// Each head's key: what all share, then its own.
template <class T>
void TrainingLatent<T>::join(const T* shared, const T* own, Index n_rows, T* k) const {
  const Index rotated = spec_.rope.rotary_dim, own_dim = spec_.own_dim(), n_heads = spec_.n_heads;
  ops_.context()->parallel_blocks(n_rows, 64, [=](Index begin, Index end) {
    for (Index i = begin * n_heads; i < end * n_heads; ++i) {
      const T *first = shared + i / n_heads * rotated, *second = own + i * own_dim;
      T* to = k + i * (rotated + own_dim);
      std::copy(second, second + own_dim, std::copy(first, first + rotated, to));
    }
  });
}

/// Its backward: what all share gets the sum over heads, in their order.
template <class T>
void TrainingLatent<T>::split(const T* d_k, Index n_rows, T* d_shared, T* d_own) const {
  const Index rotated = spec_.rope.rotary_dim, own_dim = spec_.own_dim(), n_heads = spec_.n_heads;
  set_zero(ops_, d_shared, n_rows * rotated);
  ops_.context()->parallel_blocks(n_rows, 64, [=](Index begin, Index end) {
    for (Index i = begin * n_heads; i < end * n_heads; ++i) {
      const T* from = d_k + i * (rotated + own_dim);
      T* sum = d_shared + i / n_heads * rotated;
      for (Index d = 0; d < rotated; ++d) sum[d] += from[d];
      std::copy(from + rotated, from + rotated + own_dim, d_own + i * own_dim);
    }
  });
}

template <class T>
void TrainingLatent<T>::forward(const T* x, Index n_rows, const LatentKept<T>& kept,
                                const LatentScratch<T>& s, T* q, T* k, T* v) const {
  latent_kv_.forward(x, n_rows, 1, false, kept.kv, kept.low_latent_kv);
  shared_.forward(x, n_rows, 1, false, s.shared, kept.low_shared);
  ops_.norm(kept.kv, n_rows, spec_.latent.kv_rank, kv_norm_, s.kv);
  k_.forward(s.kv, n_rows, 1, false, s.own, kept.low_k);
  v_.forward(s.kv, n_rows, 1, false, v, kept.low_v);
  join(s.shared, s.own, n_rows, k);
  if (spec_.latent.q_rank == 0) return q_.forward(x, n_rows, 1, false, q, kept.low_q);
  latent_q_.forward(x, n_rows, 1, false, kept.q, kept.low_latent_q);
  ops_.norm(kept.q, n_rows, spec_.latent.q_rank, q_norm_, s.q);
  q_.forward(s.q, n_rows, 1, false, q, kept.low_q);
}

template <class T>
void TrainingLatent<T>::backward(const T* x, Index n_rows, const LatentKept<T>& kept,
                                 const LatentScratch<T>& s, const T* d_q, const T* d_k, const T* d_v, T* dx,
                                 T* gradient, T* d_low) const {
  const Index kv_rank = spec_.latent.kv_rank, q_rank = spec_.latent.q_rank;
  split(d_k, n_rows, s.shared, s.own);
  shared_.backward(x, s.shared, n_rows, 1, dx, gradient, kept.low_shared, d_low);
  ops_.norm(kept.kv, n_rows, kv_rank, kv_norm_, s.kv);
  set_zero(ops_, s.d_kv, n_rows * kv_rank);
  k_.backward(s.kv, s.own, n_rows, 1, s.d_kv, gradient, kept.low_k, d_low);
  v_.backward(s.kv, d_v, n_rows, 1, s.d_kv, gradient, kept.low_v, d_low);
  set_zero(ops_, s.d_kv_before, n_rows * kv_rank);
  norm_backward(ops_, kept.kv, s.d_kv, n_rows, kv_rank, kv_norm_, learning_.kv_norm, s.d_kv_before, gradient);
  latent_kv_.backward(x, s.d_kv_before, n_rows, 1, dx, gradient, kept.low_latent_kv, d_low);
  if (q_rank == 0) return q_.backward(x, d_q, n_rows, 1, dx, gradient, kept.low_q, d_low);
  ops_.norm(kept.q, n_rows, q_rank, q_norm_, s.q);
  set_zero(ops_, s.d_q, n_rows * q_rank);
  q_.backward(s.q, d_q, n_rows, 1, s.d_q, gradient, kept.low_q, d_low);
  set_zero(ops_, s.d_q_before, n_rows * q_rank);
  norm_backward(ops_, kept.q, s.d_q, n_rows, q_rank, q_norm_, learning_.q_norm, s.d_q_before, gradient);
  latent_q_.backward(x, s.d_q_before, n_rows, 1, dx, gradient, kept.low_latent_q, d_low);
}

template class TrainingLatent<float>;
template class TrainingLatent<double>;

}  // namespace rw
