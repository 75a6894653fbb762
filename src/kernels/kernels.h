// SPDX-License-Identifier: Apache-2.0
/// The whole list of operations that a backend provides. Two backends: kernels/reference (double,
/// pointwise: the definition) and kernels/cpu (tiled, plan-driven, chosen by instruction set).
/// All activations are float32, row-major, outermost dimension first, and lie in buffers of the backend.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/attention_plan.h"
#include "core/bytes.h"
#include "core/context.h"
#include "core/error.h"
#include "core/types.h"
#include "kernels/experts.h"
#include "kernels/feed_forward.h"
#include "kernels/norm.h"
#include "kernels/recurrence.h"

namespace rw {

/// kBf16: operands of products and attention are rounded to bfloat16, sums are float32. kF32: nothing is.
enum class Precision { kBf16, kF32 };

/// What the cache of keys and values holds, and with it the precision of attention: kQ8 is 8 bits with one
/// scale per head and key (0.53 times kBf16 at head_dim 64), multiplied as bfloat16.
enum class KvType { kBf16, kF32, kQ8 };

/// Which products a call wants: the ones for many rows, or those for a few. Each gives a row the same bits
/// whatever stands beside it, but they do not round alike: kPrefill rounds x and W to bfloat16 (with
/// Precision::kBf16); kDecode reads W where it lies and rounds x to 8 bits in groups of 32.
enum class Stage { kPrefill, kDecode };

/// Rows of activations, normalised on their way where norm is given.
struct Input {
  const float* x = nullptr;  // (n_rows, n_in)
  Index n_rows = 0;
  const Norm* norm = nullptr;  // or null
};

/// y = scale (x W^T + bias), or y += the same with add.
struct Output {
  const Matrix* w = nullptr;
  const float* bias = nullptr;  // (n_out), or null
  float* y = nullptr;           // (n_rows, n_out)
  bool add = false;
  float scale = 1;  // a residual multiplier (Granite)
};

/// Keys and values of one layer of one sequence, in packed blocks of 256 keys. A key is written once, in
/// every variant of the plan, and never rotated again.
class KvLayer {
 public:
  KvLayer(int kv_heads, int key_dim, int of_values)
      : n_kv_heads(kv_heads), head_dim(key_dim), value_dim(of_values) {}
  virtual ~KvLayer() = default;
  int n_kv_heads, head_dim, value_dim;  // head_dim: of keys, and of queries
  int layer = 0;                        ///< of the model; set by its owner for who watches layers
  virtual Index n_keys() const = 0;
  virtual std::size_t bytes() const = 0;  ///< memory held now
};

/// Which keys of a sequence a cache holds where several processes share them: units of kUnit keys go to them
/// in turn. It holds them one behind the other, as if they were all.
struct KeyShare {
  /// So many keys are one range of the softmax (kernels/cpu/isa.h): what it gives has the same bits wherever
  /// it is computed.
  static constexpr Index kUnit = 1024;
  int part = 0, n_parts = 1;
  /// Of the sequence's keys [0, n), how many are held; so a held key's number in the cache is held(key).
  Index held(Index n) const {
    if (n_parts == 1) return n;
    const Index round = kUnit * n_parts;
    return n / round * kUnit + std::clamp(n % round - part * kUnit, Index{0}, kUnit);
  }
  /// Of any n keys one behind the other, how many are held at most.
  Index most_held(Index n) const {
    return n_parts == 1 ? n : std::min(n, (n / (kUnit * n_parts) + 1) * kUnit);
  }
};

/// One sequence's share of an attention call.
struct AttentionTask {
  const float* q = nullptr;  // (n_rows, n_heads, head_dim), not rotated
  const KvLayer* kv = nullptr;
  const AttentionPlan* plan = nullptr;
  const Pointwise* pointwise = nullptr;  // read by the reference backend only; may be null for others
  float* out = nullptr;                  // (n_rows, n_heads, value_dim)
  // Where some heads of a layer have a plan of their own: how many they are, and how many floats it is from
  // row to row of q and of out. 0: all heads of the call, n_heads * head_dim and n_heads * value_dim.
  int n_heads = 0;
  Index stride = 0, out_stride = 0;
  /// (head_dim) or null: dims of q times these behind the rotation, of a layer that normalises there. Keys
  /// need none of their own: a product of both weights is a weight of q.
  const float* weight = nullptr;
  /// (n_heads) or null: a logit of each head that has no value, a share of the softmax that goes nowhere. It
  /// is neither scaled nor capped.
  const float* sinks = nullptr;
  KeyShare share = {};     // of the plan's keys, those that kv holds: others are not seen
  float* parts = nullptr;  // (n_rows, n_heads, part_floats): in place of out, what Backend::merge_parts takes
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;  ///< "reference", "cpu avx512-bf16 bf16" ...
  virtual Precision precision() const = 0;
  virtual KvType kv_type() const = 0;
  virtual const std::shared_ptr<Context>& context() const = 0;  ///< what it works with

  /// n floats, zeroed, in the memory that this backend computes in, which need not be the host's: pointers
  /// into it are for operations alone, and on_host() shows what they hold. 64-byte aligned. Errors:
  /// std::bad_alloc.
  virtual std::shared_ptr<float> buffer(Index n) const = 0;
  /// The same numbers in the backend's memory.
  virtual std::shared_ptr<const float> upload(std::span<const float> numbers) const = 0;
  /// The n floats from `from` on, as the host reads them: there, or in `copy`. Valid until the next
  /// operation.
  virtual const float* on_host(const float* from, Index n, std::vector<float>& copy) const = 0;
  virtual void copy(const float* from, Index n, float* to) const = 0;
  /// y (tokens.size(), n_in) = scale times the rows of `embedding` that the tokens name, plus `bias` (n_in)
  /// where it is not null. REQUIRES: each has a row.
  virtual void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale,
                     const float* bias, float* y) const = 0;

  /// kF32: for products that nothing rounds, whatever the backend's precision (routers: a choice has no
  /// tolerance).
  virtual std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision precision) const = 0;
  std::unique_ptr<Matrix> make_matrix(WeightRows rows) const {
    return make_matrix(std::move(rows), precision());
  }
  /// All outputs of one input. A row of y depends on that row of x and on the stage only, to the bit: not on
  /// n_rows or threads. REQUIRES: every w has the same n_in; every y is apart from x.
  virtual void linear(const Input& input, std::span<const Output> outputs, Stage stage) const = 0;
  /// y (n_rows, n_out) = or, with add, += the layer's output for x, normalised where asked for. y may be
  /// input.x. A row's bits depend on that row and on the stage only. Activations differ from the definition
  /// by 2e-6 of it or 2e-7, whatever is more.
  virtual void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                            Stage stage) const = 0;
  /// The same of a mixture of experts. REQUIRES: what route() requires.
  virtual void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage) const = 0;

  /// Of a sequence's keys those that caches of this backend hold in this process.
  virtual KeyShare key_share() const { return {}; }
  virtual std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const = 0;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim) const {
    return make_kv_layer(n_kv_heads, head_dim, head_dim);
  }
  /// Appends k (n_keys, n_kv_heads, head_dim), not rotated, and v (n_keys, n_kv_heads, value_dim). REQUIRES:
  /// plan.key_begin == kv.n_keys(), and the same number of variants with the same sink and window at each
  /// call. The strides: floats from key to key, where some heads of a layer have a cache of their own.
  virtual void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
                      const KeyPlan& plan) const = 0;
  /// All heads.
  void append(KvLayer& kv, const float* k, const float* v, const KeyPlan& plan) const {
    append(kv, k, Index{kv.n_kv_heads} * kv.head_dim, v, Index{kv.n_kv_heads} * kv.value_dim, plan);
  }
  /// scratch = the keys of `raw` (stored at position 0) rotated by `plan` (from key 0, all keys), sharing
  /// its values. For grow=1. `raw` must outlive the use of scratch.
  virtual void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const = 0;
  /// Frees what no row >= next_row can read (windows passed).
  virtual void drop(KvLayer& kv, Index next_row) const = 0;
  /// Forgets the keys from n_keys on; what is appended next stands in their place, with the same bits as if
  /// they had never been. REQUIRES: 0 <= n_keys <= kv.n_keys(), and no drop() for a row beyond n_keys before.
  virtual void truncate(KvLayer& kv, Index n_keys) const = 0;
  /// The first n_keys keys as a cache of their own, which shares memory with `kv` until one of them writes.
  /// REQUIRES: as truncate().
  virtual std::unique_ptr<KvLayer> fork(const KvLayer& kv, Index n_keys) const = 0;
  /// What `kv` holds, for load() of the same kind of backend with the same kv_type().
  virtual void save(const KvLayer& kv, const ByteSink& sink) const = 0;
  /// Makes of an empty `kv` one of n_keys keys, as append() with variants like those of `plan` and then
  /// drop(next_row) left it, of the bytes that save() gave; the same bits. The bytes are numbers, whatever
  /// they are: none of them sizes or indexes. REQUIRES: 0 <= next_row <= n_keys. Errors: source's.
  virtual void load(KvLayer& kv, Index n_keys, const KeyPlan& plan, Index next_row,
                    const ByteSource& source) const = 0;
  /// Row bits do not depend on which rows stand in one call, on tasks beside it, or on threads.
  virtual void attention(std::span<const AttentionTask> tasks, int n_heads) const = 0;

  /// Floats of a row and head whose attention is not normalised yet: its sum of weighted values, the sum of
  /// weights and the exponent that is taken off both. 0: this backend leaves no parts.
  virtual Index part_floats(int /*value_dim*/) const { return 0; }
  /// out (n_rows, n_heads, value_dim) at out_stride = the attention to the keys of all parts, each (n_rows,
  /// n_heads, part_floats), of other keys each: sum_p e^(m_p - m) s_p / sum_p e^(m_p - m) w_p, m = max_p m_p,
  /// taken in the order of the parts; those of ranges in their order (KeyShare::kUnit) give the bits that
  /// attention to all keys has. `sinks` as in AttentionTask. REQUIRES: part_floats > 0.
  virtual void merge_parts(std::span<const float* const> /*parts*/, Index /*n_rows*/, int /*n_heads*/,
                           int /*value_dim*/, const float* /*sinks*/, float* /*out*/,
                           Index /*out_stride*/) const {
    throw LogicError("a backend without parts of attention");
  }

  /// What layers with a state compute (kernels/recurrence.h): rows of sequences, each with its own state.
  virtual void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution) const = 0;
  virtual void recur(std::span<const RecurrenceTask> tasks, const Recurrence& recurrence) const = 0;

  /// y (n_rows, dim) = the rows of x normalised. y may be x. A row's bits depend on that row and its weights
  /// alone.
  virtual void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const = 0;

  /// x (n) = cap tanh(x / cap), to 1e-6 of it: logits of models that cap them. NaN stays. REQUIRES: cap > 0.
  virtual void soft_cap(float* x, Index n, float cap) const = 0;
  /// x (n) = activation(x), times up (n) where it is not null; as exact as in feed_forward.
  virtual void activate(float* x, const float* up, Index n, Activation activation) const = 0;
  /// Row r of x (n_rows, n_heads, head_dim): the dims (2m, 2m + 1) of each head turned by the angle (first +
  /// r) theta[m], for values that have positions of their own. `stride`: floats from row to row. REQUIRES: 2
  /// theta.size() <= head_dim.
  virtual void rotate(float* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
                      const std::vector<double>& theta) const = 0;
  /// x (n) *= factor.
  virtual void scale(float* x, Index n, float factor) const = 0;
  /// y (n_rows, n_heads, n_shared + n_own): in every head the row of `shared` (n_rows, n_shared), then that
  /// of the head, `own` (n_rows, n_heads, n_own). y is apart from both.
  virtual void join_heads(const float* shared, Index n_shared, const float* own, Index n_own, Index n_rows,
                          int n_heads, float* y) const = 0;
  /// y (n) += scale x (n).
  virtual void add_scaled(const float* x, Index n, float scale, float* y) const = 0;

  /// y[row] = log(sum over i of e^x[row, i]), x (n_rows, n), to 1e-6. NaN where an x of the row is NaN or
  /// +infinity, or all are -infinity. A row's bits depend on that row alone.
  virtual void log_sum_exp(const float* x, Index n_rows, Index n, double* y) const = 0;
  /// losses[row] = -log softmax(logits[row])[targets[row]], natural log, logits (targets.size(), n_vocab);
  /// NaN where a logit of the row is. REQUIRES: 0 <= target < n_vocab.
  virtual void losses(const float* logits, Index n_vocab, std::span<const Token> targets,
                      double* losses) const = 0;
  /// out[row] = the index of the greatest of the first n_choices x of the row, x (n_rows, n), the first of
  /// equal ones; kNoToken where one of them is NaN. REQUIRES: 1 <= n_choices <= n.
  virtual void greatest(const float* x, Index n_rows, Index n, Index n_choices, Token* out) const = 0;
  /// ids, values (n_rows, k): the indices and numbers of the k greatest of them, the greatest first, of equal
  /// ones the one with the smaller index first. Where one is NaN all the row's ids are kNoToken and its
  /// values NaN. REQUIRES: 1 <= k <= n_choices <= n.
  virtual void top_k(const float* x, Index n_rows, Index n, Index n_choices, Index k, Token* ids,
                     float* values) const = 0;
};

/// Bytes one key takes in one layer, in n_variants and with its value (0 variants: the value alone): for
/// computing memory before the work starts.
std::size_t kv_bytes_per_key(KvType type, int n_kv_heads, int head_dim, int value_dim, int n_variants);

/// Double precision, pointwise, slow on purpose.
std::unique_ptr<Backend> make_reference_backend(std::shared_ptr<Context> context);
/// With the context's instruction set (amx-bf16, avx512-bf16, avx512-vnni, avx512, avx2-vnni, avx2,
/// portable), or the fastest of this machine where it names none. What it makes works with the same context,
/// and matrices belong to backends of the same set. Any thread, several at once. Errors: UsageError for an
/// unknown one or one that this machine lacks.
std::unique_ptr<Backend> make_cpu_backend(std::shared_ptr<Context> context, Precision precision,
                                          KvType kv_type);
/// With contexts of their own, made with no options; without kv_type, the cache is in the same precision.
std::unique_ptr<Backend> make_reference_backend();
std::unique_ptr<Backend> make_cpu_backend(Precision precision, KvType kv_type);
std::unique_ptr<Backend> make_cpu_backend(Precision precision);
/// Name of the instruction set that make_cpu_backend takes with this context. Errors: as there.
std::string isa_name(const Context& context);

/// What that instruction set reaches at most on all threads, measured now (half a second): sums of
/// products in registers, FLOP/s, 0 where there is no such instruction, and bytes/s of memory read.
struct MachinePeaks {
  double f32 = 0, bf16_vector = 0, bf16_tiles = 0, read = 0;
  double best() const { return std::max({f32, bf16_vector, bf16_tiles}); }
};
MachinePeaks measure_peaks(Context& context);

}  // namespace rw
