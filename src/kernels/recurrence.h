// SPDX-License-Identifier: Apache-2.0
/// Layers that keep a state where attention keeps keys: what they compute between their projections. A row's
/// bits depend on the rows before it alone, not on how many are computed in one call, on tasks beside it, or
/// on threads: rows are gone through in their order, also in reading, which takes 3 % of it
/// (docs/performance.md); the form that takes a chunk of rows at once has a triangular system to solve, and
/// rounds by chunks.
#pragma once
#include "core/types.h"

namespace rw {

/// A causal convolution of each channel by itself:
///     y[t] = act(bias + sum over j of taps[j] x[t - n_taps + 1 + j])
/// in float32, the sum from the oldest row on.
struct Convolution {
  const float* taps = nullptr;  // (width, n_taps): the last one is of the row itself
  const float* bias = nullptr;  // (width), or null
  Index width = 0;
  int n_taps = 0;     // 2 to kMostTaps
  bool silu = false;  // act: SiLU, or nothing
};
constexpr int kMostTaps = 16;

/// Rows of one sequence.
struct ConvolutionTask {
  float* x = nullptr;  // (n_rows, width), becomes y
  Index n_rows = 0;
  float* columns = nullptr;  // (n_taps - 1, width): x of the rows before, the oldest first; becomes the last
                             // ones' own
};

/// A linear recurrence whose state S of each head is a matrix (key_dim, value_dim). For each row
///
///     s = clamp(softplus(step + step_bias), least_step, greatest_step)
///     S = e^(rate s) S
///     S = S + k u^T,  u = sigmoid(weight) (v - S^T k) with delta, else s v
///     o = S^T q + skip v
///
/// With delta: the gated delta rule (Yang, Kautz, Hatamizadeh, arXiv:2412.06464, eq. 10). Without: Mamba-2's
/// (Dao and Gu, arXiv:2405.21060), whose B is k, whose C is q and whose x is v. The published code reads
/// chunks of rows by products of matrices; the sums are the same but for rounding.
struct Recurrence {
  Index n_heads = 0, n_key_heads = 0;  // n_heads is a multiple of n_key_heads
  Index key_dim = 0, value_dim = 0;
  bool delta = false;
  bool tiled = false;           // head h reads key head h % n_key_heads; else h / (n_heads / n_key_heads)
  const float* rate = nullptr;  // (n_heads), below 0
  bool rate_is_log = false;     // it holds log(-rate): a rate that learns stays below 0
  const float* step_bias = nullptr;  // (n_heads)
  float least_step = 0, greatest_step = 0;
  const float* skip = nullptr;  // (n_heads), or null: 0

  Index key_head(Index head) const { return tiled ? head % n_key_heads : head / (n_heads / n_key_heads); }
};

/// Rows of one sequence.
struct RecurrenceTask {
  const float *q = nullptr, *k = nullptr;  // (n_rows, n_key_heads, key_dim)
  const float* v = nullptr;                // (n_rows, n_heads, value_dim)
  const float* step = nullptr;             // (n_rows, n_heads)
  const float* weight = nullptr;           // (n_rows, n_heads), of delta; or null
  float* out = nullptr;                    // (n_rows, n_heads, value_dim); may be v
  float* state = nullptr;  // (n_heads, key_dim, value_dim): of the row before, then of the last
  Index n_rows = 0;
};

/// What a head does in a row beside its products.
struct RecurrenceGate {
  float decay = 0;   // e^(rate s)
  float weight = 0;  // sigmoid(weight) with delta, else s
};
/// The same in double.
struct ExactGate {
  double step = 0;   // s
  double slope = 0;  // of s by the row's step: 0 where s is cut
  double decay = 0, weight = 0;
};
ExactGate exact_gate(const Recurrence& recurrence, Index head, double rate, double step, double weight);
/// The rate of a head, as inference has it.
float rate_of(const Recurrence& recurrence, Index head);
/// Of a head by the row's numbers, in double, then rounded: the same on every machine and in every backend.
RecurrenceGate recurrence_gate(const Recurrence& recurrence, Index head, float step, float weight);

}  // namespace rw
