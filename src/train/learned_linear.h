// SPDX-License-Identifier: Apache-2.0
/// A matrix with its bias and, where it has one, its low-rank pair, forward and backward.
#pragma once
#include <algorithm>

#include "kernels/training.h"
#include "train/parameters.h"

namespace rw {

/// body(begin, end) for blocks of n numbers on the threads of the operations.
template <class T, class F>
void for_blocks(const Training<T>& ops, Index n, const F& body) {
  ops.context()->parallel_blocks(n, 1 << 16, body);
}
template <class T>
void set_zero(const Training<T>& ops, T* x, Index n) {
  for_blocks(ops, n, [x](Index begin, Index end) { std::fill(x + begin, x + end, T{0}); });
}
/// x = factor x.
template <class T>
void scale(const Training<T>& ops, T* x, Index n, float factor) {
  for_blocks(ops, n, [x, f = static_cast<T>(factor)](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) x[i] *= f;
  });
}
template <class T>
void copy(const Training<T>& ops, const T* from, Index n, T* to) {
  for_blocks(ops, n, [from, to](Index begin, Index end) { std::copy(from + begin, from + end, to + begin); });
}

/// y = s (x W^T + b + c (x A^T) B^T), s the call's scale, c the pair's.
template <class T>
struct LearnedLinear {
  const Training<T>& ops;
  const Matrix* w;  // (n_out, n_in), or null where a layer has none
  const float* bias = nullptr;
  const LearningMatrix* learning = nullptr;
  Index bias_begin = -1;  // of its gradient; -1: frozen

  Index rank() const { return learning->low_rank != nullptr ? learning->low_rank->a->n_out : 0; }
  /// low (n_rows, rank) = x A^T, which backward reads.
  void reduce(const T* x, Index n_rows, T* low) const {
    if (rank() > 0) ops.linear(x, n_rows, *learning->low_rank->a, nullptr, 1, false, low);
  }
  void forward(const T* x, Index n_rows, float scale, bool add, T* y, T* low) const {
    ops.linear(x, n_rows, *w, bias, scale, add, y);
    reduce(x, n_rows, low);
    if (const LowRank* pair = learning->low_rank.get())
      ops.linear(low, n_rows, *pair->b, nullptr, scale * pair->scale, true, y);
  }
  /// dx +=, and the gradients of what learns. d_low (n_rows, rank) is scratch.
  void backward(const T* x, const T* dy, Index n_rows, float scale, T* dx, T* gradient, const T* low,
                T* d_low) const {
    if (learning->begin >= 0)
      ops.linear_weight(dy, x, n_rows, w->n_out, w->n_in, scale, gradient + learning->begin);
    if (bias_begin >= 0) ops.sum_rows(dy, n_rows, w->n_out, scale, gradient + bias_begin);
    ops.linear_input(dy, n_rows, *w, scale, dx);
    if (const LowRank* pair = learning->low_rank.get()) {
      ops.linear_weight(dy, low, n_rows, w->n_out, rank(), scale * pair->scale, gradient + pair->b_begin);
      set_zero(ops, d_low, n_rows * rank());
      ops.linear_input(dy, n_rows, *pair->b, scale * pair->scale, d_low);
      ops.linear_weight(d_low, x, n_rows, rank(), w->n_in, 1, gradient + pair->a_begin);
      ops.linear_input(d_low, n_rows, *pair->a, 1, dx);
    }
  }
};

/// Gradients of a norm's weight and bias, null where they are frozen.
template <class T>
void norm_backward(const Training<T>& ops, const T* x, const T* dy, Index n_rows, Index dim, const Norm& norm,
                   const LearningNorm& learning, T* dx, T* gradient) {
  ops.norm_backward(x, dy, n_rows, dim, norm, dx, learning.weight >= 0 ? gradient + learning.weight : nullptr,
                    learning.bias >= 0 ? gradient + learning.bias : nullptr);
}

/// Parts of one array, one behind the other, each from a multiple of 64 bytes; without an array it counts.
template <class T>
class Carver {
 public:
  explicit Carver(T* base = nullptr) : base_(base) {}
  T* take(Index n) {
    T* part = base_ != nullptr ? base_ + used_ : nullptr;
    used_ += (n + 15) / 16 * 16;
    most_ = std::max(most_, used_);
    return part;
  }
  /// What is taken next may lie over what was taken since then.
  Index mark() const { return used_; }
  void back_to(Index mark) { used_ = mark; }
  Index most() const { return most_; }

 private:
  T* base_;
  Index used_ = 0, most_ = 0;
};

}  // namespace rw
