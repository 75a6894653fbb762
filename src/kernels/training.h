// SPDX-License-Identifier: Apache-2.0
/// The operations of training: each forward keeps what its backward needs, each backward gives the gradients
/// of a scalar loss. Two implementations: kernels/reference (T = double, pointwise: the definition, which
/// finite differences agree with) and kernels/cpu (T = float, tiled, from the same AttentionPlan as
/// inference).
///
/// Activations and gradients are T, row-major, in the host's memory; parameters are float32 for both. dx
/// names the gradient of the loss by x. Gradients are added to what stands there (+=) unless their operation
/// says "=". A result's bits do not depend on the number of threads: sums over rows are taken in the order of
/// the rows.
#pragma once
#include <memory>
#include <span>

#include "kernels/kernels.h"
#include "kernels/recurrence.h"

namespace rw {

/// Attention of one whole text, forward and backward: rows and keys [0, plan->n_rows), nothing cached. A task
/// has the heads that share a plan.
template <class T>
struct TrainingAttention {
  const T* q = nullptr;  // (n, n_heads, head_dim) at q_stride, not rotated
  const T* k = nullptr;  // (n, n_kv_heads, head_dim) at k_stride, not rotated
  const T* v = nullptr;  // (n, n_kv_heads, value_dim) at v_stride
  /// Floats from row to row: of q, k, v and their gradients; of out and its.
  Index q_stride = 0, k_stride = 0, v_stride = 0, out_stride = 0;
  int n_heads = 0, n_kv_heads = 0, head_dim = 0, value_dim = 0;
  const AttentionPlan* plan = nullptr;   // row_begin = 0
  const KeyPlan* keys = nullptr;         // key_begin = 0, the same n
  const Pointwise* pointwise = nullptr;  // read by the definition only
  const float* weight = nullptr;     // (head_dim), of q behind its rotation (AttentionTask::weight), or null
  T* out = nullptr;                  // (n, n_heads, value_dim) at out_stride; backward reads it
  T* lse = nullptr;                  // (n, n_heads): log of the sum of e^logit, natural; backward reads it
  const T* d_out = nullptr;          // as out
  T* d_q = nullptr;                  // as q
  T *d_k = nullptr, *d_v = nullptr;  // as k, v
  T* d_weight = nullptr;             // (head_dim), or null
};

/// A recurrence (kernels/recurrence.h) over the rows of all texts, which stand one behind the other: each
/// begins with a state of zeros. `borders` (n_texts + 1): where each begins, then the number of rows.
template <class T>
struct TrainingRecurrence {
  std::span<const Index> borders;
  const T *q = nullptr, *k = nullptr;          // (n_rows, n_key_heads, key_dim)
  const T* v = nullptr;                        // (n_rows, n_heads, value_dim)
  const T *step = nullptr, *weight = nullptr;  // (n_rows, n_heads); weight: of delta, or null
  T* out = nullptr;                            // (n_rows, n_heads, value_dim), apart from v
  /// (kept_states(n_rows), n_heads, value_dim, key_dim): the state before each row whose number is a multiple
  /// of kStateRows, where no text begins; backward computes those between them once more. The definition has
  /// no use for them.
  T* states = nullptr;
  const T* d_out = nullptr;                                        // (n_rows, n_heads, value_dim)
  T *d_q = nullptr, *d_k = nullptr;                                // as q, k; +=
  T* d_v = nullptr;                                                // as v; =
  T *d_step = nullptr, *d_weight = nullptr;                        // as step, weight; =
  T *d_rate = nullptr, *d_step_bias = nullptr, *d_skip = nullptr;  // (n_heads) +=, each null where not wanted

  Index n_rows() const { return borders.back(); }
};
constexpr Index kStateRows = 64;
constexpr Index kept_states(Index n_rows) { return (n_rows + kStateRows - 1) / kStateRows; }

/// How much a call gets at most, for memory to be told before it is taken.
struct TrainingSizes {
  Index n_rows = 0, n_ctx = 0;          // of all texts together; of one
  Index n_in = 0, n_out = 0;            // of any matrix
  Index kv_width = 0;                   // of keys or values: n_kv_heads head_dim, each rounded up to 16
  int head_dim = 0;                     // of either
  int least_group = 1, most_group = 0;  // heads that share a key
  int n_variants = 3;                   // of keys: three in the published methods at most
  Index n_state_heads = 0, key_dim = 0, value_dim = 0;  // of a recurrence
  Index convolved = 0;                                  // channels of a convolution
};

template <class T>
class Training {
 public:
  virtual ~Training() = default;
  virtual const std::shared_ptr<Context>& context() const = 0;
  /// Bytes that the operations take for themselves at most and keep for the next call, beside what they are
  /// given; texts shorter than a block of 256 keys take one.
  virtual std::size_t own_bytes(const TrainingSizes& /*sizes*/) const { return 0; }

  /// y (n_rows, n_out) = scale (x W^T + bias), or += with add. x (n_rows, n_in); bias (n_out) or null.
  virtual void linear(const T* x, Index n_rows, const Matrix& w, const float* bias, float scale, bool add,
                      T* y) const = 0;
  /// dx (n_rows, n_in) += scale dy W, dy (n_rows, n_out): W from its rows as their file stores them, whatever
  /// the format.
  virtual void linear_input(const T* dy, Index n_rows, const Matrix& w, float scale, T* dx) const = 0;
  /// dw (n_out, n_in) += scale dy^T x, dy (n_rows, n_out), x (n_rows, n_in).
  virtual void linear_weight(const T* dy, const T* x, Index n_rows, Index n_out, Index n_in, float scale,
                             T* dw) const = 0;
  /// db (n) += scale sum over rows of dy (n_rows, n).
  virtual void sum_rows(const T* dy, Index n_rows, Index n, float scale, T* db) const = 0;

  /// As Backend::norm. y apart from x.
  virtual void norm(const T* x, Index n_rows, Index dim, const Norm& norm, T* y) const = 0;
  /// dx (n_rows, dim) +=; d_weight, d_bias (n_weights, dim) +=, each null where it is not wanted.
  virtual void norm_backward(const T* x, const T* dy, Index n_rows, Index dim, const Norm& norm, T* dx,
                             T* d_weight, T* d_bias) const = 0;

  /// h (n) = act(gate) up, or act(up) where gate is null. h may be neither.
  virtual void activate(const T* gate, const T* up, Index n, Activation activation, T* h) const = 0;
  /// d_gate (n) =, d_up (n) =; d_gate null where gate is. d_up or d_gate may be dh.
  virtual void activate_backward(const T* gate, const T* up, const T* dh, Index n, Activation activation,
                                 T* d_gate, T* d_up) const = 0;

  /// x (n) = cap tanh(x / cap).
  virtual void soft_cap(T* x, Index n, float cap) const = 0;
  /// dx (n) = dy (1 - (y / cap)^2), y what soft_cap gave. dx may be dy.
  virtual void soft_cap_backward(const T* y, const T* dy, Index n, float cap, T* dx) const = 0;

  /// As Backend::rotate; with backward = true the other way round, which is its backward.
  virtual void rotate(T* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
                      const std::vector<double>& theta, bool backward) const = 0;
  /// y (n) += scale x (n).
  virtual void add_scaled(const T* x, Index n, float scale, T* y) const = 0;

  /// As Backend::embed.
  virtual void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale,
                     const float* bias, T* y) const = 0;
  /// d_embedding (n_vocab, n_in): the row of each token += scale dy (tokens.size(), n_in), in their order;
  /// d_bias (n_in) += the sum of dy, or null.
  virtual void embed_backward(std::span<const Token> tokens, const T* dy, Index n_in, float scale,
                              T* d_embedding, T* d_bias) const = 0;

  /// out =, lse =.
  virtual void attention(std::span<const TrainingAttention<T>> tasks) const = 0;
  /// d_q, d_k, d_v, d_weight +=, for the same plan: with P = e^(logit - lse), D = <d_out, out>,
  /// d_logit = P (<d_out, v> - D), times 1 - (logit / cap)^2 where logits are capped (FlashAttention-2, Dao
  /// 2023, algorithm 2; several regions a row are ours). Nothing n x n is held.
  virtual void attention_backward(std::span<const TrainingAttention<T>> tasks) const = 0;

  /// y (n_rows, width) = the convolution of x (n_rows, width), apart from it; texts and borders as those of
  /// TrainingRecurrence: before a text all is 0.
  virtual void convolve(const T* x, std::span<const Index> borders, const Convolution& convolution,
                        T* y) const = 0;
  /// dx =, apart from dy; d_taps (width, n_taps) +=, d_bias (width) +=, each null where it is not wanted.
  virtual void convolve_backward(const T* x, const T* dy, std::span<const Index> borders,
                                 const Convolution& convolution, T* dx, T* d_taps, T* d_bias) const = 0;

  /// out =, states =.
  virtual void recur(const TrainingRecurrence<T>& rows, const Recurrence& recurrence) const = 0;
  /// With dS the gradient by the state behind a row, from the last row to the first (u, s as
  /// kernels/recurrence.h has them, a = e^(rate s), S' = a S before the row):
  ///
  ///     dS += q d_out^T;  d_q += S d_out;  d_k += dS u;  d_u = dS^T k
  ///     with delta: e = sigmoid(weight) d_u, d_v = e, d_k -= S' e, dS -= k e^T; else d_v = s d_u
  ///     d_a = <dS, S before>;  dS = a dS
  ///
  /// and from d_a and d_u the gradients by steps and weights, and by d_rate (by log(-rate) where
  /// rate_is_log).
  virtual void recur_backward(const TrainingRecurrence<T>& rows, const Recurrence& recurrence) const = 0;

  /// losses[row] = -log softmax(logits[row])[target]; logits (targets.size(), n_vocab) become their gradient,
  /// weights[row] (softmax - one at the target). A row with kNoToken has loss 0 and gradient 0.
  virtual void cross_entropy(T* logits, Index n_vocab, std::span<const Token> targets, const T* weights,
                             double* losses) const = 0;
};

/// Pointwise, in double. Its matrices are those of make_reference_backend.
std::unique_ptr<Training<double>> make_reference_training(std::shared_ptr<Context> context);
/// On the context's instruction set and threads. Its matrices are those of make_cpu_backend with the same
/// set; in float32 throughout. Any thread. Errors: as make_cpu_backend.
std::unique_ptr<Training<float>> make_cpu_training(std::shared_ptr<Context> context);

}  // namespace rw
