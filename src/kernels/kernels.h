// SPDX-License-Identifier: Apache-2.0
/// The whole list of operations that a backend provides. Two backends: kernels/reference (double,
/// pointwise: the definition) and kernels/cpu (tiled, plan-driven, chosen by instruction set).
/// All activations are float32, row-major, outermost dimension first.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/attention_plan.h"
#include "core/types.h"

namespace ropewalk {

/// kBf16: operands of products and attention are rounded to bfloat16, sums are float32. kF32: nothing is.
enum class Precision { kBf16, kF32 };

/// A weight matrix (n_out, n_in) in the form a backend's products read.
class Matrix {
 public:
  virtual ~Matrix() = default;
  Index n_out = 0, n_in = 0;
  std::size_t bytes = 0;
};

/// Keys and values of one layer of one sequence, in packed blocks of 256 keys. A key is written once, in
/// every variant of the plan, and never rotated again.
class KvLayer {
 public:
  virtual ~KvLayer() = default;
  virtual Index n_keys() const = 0;
  virtual std::size_t bytes() const = 0;  ///< memory held now
};

/// One sequence's share of an attention call.
struct AttentionTask {
  const float* q = nullptr;  // (n_rows, n_heads, head_dim), not rotated
  const KvLayer* kv = nullptr;
  const AttentionPlan* plan = nullptr;
  const Pointwise* pointwise = nullptr;  // read by the reference backend only; may be null for others
  float* out = nullptr;                  // (n_rows, n_heads, head_dim)
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;  ///< "reference", "cpu avx512-bf16 bf16" ...
  virtual Precision precision() const = 0;

  /// `row(r, out)` delivers row r (n_in floats); called for each r once, from any thread.
  virtual std::unique_ptr<Matrix> make_matrix(Index n_out, Index n_in,
                                              const std::function<void(Index r, float* out)>& row) const = 0;
  /// y (n_rows, n_out) = x (n_rows, n_in) W^T + bias (n_out, or null). A row of y depends on that row of
  /// x only, to the bit: not on n_rows or threads.
  virtual void matmul(const float* x, Index n_rows, const Matrix& w, const float* bias, float* y) const = 0;

  virtual std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim) const = 0;
  /// Appends k, v (n_keys, n_kv_heads, head_dim), k not rotated. REQUIRES: plan.key_begin == kv.n_keys(),
  /// and the same number of variants with the same sink and window at each call.
  virtual void append(KvLayer& kv, const float* k, const float* v, const KeyPlan& plan) const = 0;
  /// scratch = the keys of `raw` (stored at position 0) rotated by `plan` (from key 0, all keys), sharing
  /// its values. For grow=1. `raw` must outlive the use of scratch.
  virtual void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const = 0;
  /// Frees what no row >= next_row can read (windows passed).
  virtual void drop(KvLayer& kv, Index next_row) const = 0;
  /// Row bits do not depend on which rows stand in one call, on tasks beside it, or on threads.
  virtual void attention(std::span<const AttentionTask> tasks, int n_heads) const = 0;

  /// y = x / sqrt(mean(x^2) + eps) * weight, per row of `dim`. y may be x.
  virtual void rms_norm(const float* x, Index n_rows, Index dim, const float* weight, float eps,
                        float* y) const = 0;
  /// gate = silu(gate) * up, elementwise.
  virtual void silu_mul(float* gate, const float* up, Index n) const = 0;
  /// x += y.
  virtual void add(float* x, const float* y, Index n) const = 0;
};

/// Bytes one key takes in one layer, in n_variants and with its value (0 variants: the value alone): for
/// computing memory before the work starts.
std::size_t kv_bytes_per_key(Precision precision, int n_kv_heads, int head_dim, int n_variants);

/// Double precision, pointwise, slow on purpose.
std::unique_ptr<Backend> make_reference_backend();
/// The fastest instruction set of this machine, or the one ROPEWALK_ISA names (amx-bf16, avx512-bf16, avx512,
/// avx2, portable). Errors: UsageError for an unknown one or one that this machine lacks.
std::unique_ptr<Backend> make_cpu_backend(Precision precision);
/// Name of the instruction set make_cpu_backend uses.
std::string active_isa();

}  // namespace ropewalk
