// SPDX-License-Identifier: Apache-2.0
/// What is compiled once per instruction set: plain pointers and numbers in, plain numbers out. Files that
/// are compiled for an instruction set include this, kinds.h, generic.h and nothing else of ours, so that no
/// inline function built with wide instructions can be linked into code that runs everywhere.
#pragma once
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <cstdint>

#include "kernels/kinds.h"

namespace rw::cpu {

constexpr int kLanes = 16;     // floats in a vector of every instruction set
constexpr int kKeyTile = 64;   // keys of one score tile, anchored at key 0
constexpr int kTileRows = 96;  // rows of a query tile, or those of one position where they are more
constexpr int kMaxRegions = 8;
constexpr int kMaxHeadDim = 512;
constexpr int kBlockKeys = 256;   // keys of one cache block
constexpr int kTileWidth = 32;    // columns of a tile of rows (Product)
constexpr int kRangeKeys = 1024;  // keys of one range: softmax runs within a range, ranges are then merged

#ifdef __x86_64__
/// The processor converts half floats (__builtin_cpu_supports knows no "f16c" in clang 14). Static: each set
/// has its own.
static inline bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

/// Keys [begin, end) seen through a region; the plan's Segment with plain members.
struct TileSegment {
  std::int64_t begin, end;
  int region;
};

/// Softmax of some rows over some keys, not normalised: result = sum / total, total's lanes added.
struct SoftmaxState {
  float* top;    // (rows): the exponent that is taken off, -inf when the row has seen nothing
  float* total;  // (rows, kLanes)
  float* sum;    // (rows, padded_dim)
};

/// One query tile against one KV head, keys [key_begin, key_end). Ranges are anchored at key 0 and merged in
/// order, so that a row's bits are the same when other threads compute some of its ranges. Elements are
/// bfloat16 bits or floats, by the kernel that is called.
struct AttentionTile {
  int head_dim, padded_dim;  // padded_dim: value_dim rounded up to 16, the width of v
  int n_positions, group;    // rows = n_positions * group, row = position * group + head in group
  int n_regions;
  const void* const* q;  // (n_regions): (rows, head_dim), rotated for the region, times row scale and log2(e)
  const void* const* const* k_blocks;  // (n_regions)(n_blocks): this head's keys of a block, or null
  const void* const* v_blocks;         // (n_blocks): this head's values of a block, or null
  float soft_cap;     // scores become soft_cap tanh(score / soft_cap), both times log2(e); 0: they stay
  bool eight_bits;    // the cache holds 8 bits: (a block's numbers, then its kBlockKeys scales as floats)
  float* widened[2];  // scratch of attention_wide: keys (n_regions) of a tile, and its values
  std::uint16_t* expanded[2];         // scratch where eight_bits: keys (n_regions) of a tile, values of three
  const char* odd_values;             // (n_blocks): 1 where this head's values hold an infinity or NaN
  const std::int64_t* segment_begin;  // (n_positions + 1), into segments
  const TileSegment* segments;
  float* scores;                    // scratch: (n_regions, kTileRows, 2 * kKeyTile)
  void* weights;                    // scratch: (kTileRows, kKeyTile)
  std::int64_t key_begin, key_end;  // multiples of kRangeKeys, or the end
  int fetch_part,
      fetch_parts;     // of each key tile's bytes, this part is asked for one range ahead; 0 parts: none
  bool first_keys;     // whole is empty: else it holds what earlier keys gave
  SoftmaxState range;  // scratch: of one range
  SoftmaxState whole;  // result: with all ranges of [key_begin, key_end)
};

/// whole and more become whole; then, where out is given, out (rows)[value_dim] = whole, normalised.
struct SoftmaxMerge {
  int rows, value_dim, padded_dim;
  SoftmaxState whole;
  const SoftmaxState* more;  // or null
  float* const* out;         // or null
  const float* sinks;        // (group): a logit of each row's head that has no value, natural; or null
  int group;                 // row r is of head r % group
};

/// Where no instruction multiplies pairs of bfloat16 (Isa::wide_bf16), bfloat16 numbers lie as floats:
/// widening them once, when rows and panels are made, costs less than in every product, and gives the same
/// bits.
///
/// y rows (n_rows, n_out at stride y_stride) = x w^T + bias for outputs [16 * panel_begin, 16 * panel_end).
struct Product {
  const void* x;  // (n_rows, x_stride)
  const void* w;  // panels of 16 outputs: (n_panels, n_in / step, 16, step), step 2 for bfloat16, 1 for float
  const float* bias;
  float* y;
  bool add;      // y += instead
  float scale;   // of what y becomes, or of what is added to it
  bool x_tiled;  // x lies in tiles: (n_rows / 16, n_in / kTileWidth, 16, kTileWidth), bfloat16
  std::int64_t n_rows, n_in, n_out, x_stride, y_stride;
  std::int64_t panel_begin, panel_end;
};

/// What a cache holds. Blocks of 8-bit numbers are followed by the scales of their kBlockKeys keys (floats).
enum class Element { kBf16, kF32, kInt8 };

/// The angles of one row: dims m and m + half are a pair.
struct RowRotation {
  const float *cosine, *sine;  // (half)
  int head_dim, half;          // half: rotated pairs
  float gain;                  // of the rotated dims
  float rest;                  // of the other dims
};

/// How one row is normalised (Norm).
struct RowNorm {
  NormKind kind;
  const float* weight;  // (n), or null
  const float* bias;    // (n), or null
  float eps;
};

/// sum over i of e^x[i] = sum * e^top; sum is NaN where an x is NaN or infinite, or all are -infinity.
struct ExpSum {
  float top;
  double sum;
};

/// Rows of queries of one position, not rotated yet.
struct QueryRows {
  const float* q;  // (n_rows, head_dim)
  std::int64_t n_rows;
  RowRotation rotation;
  const float* weight;  // (head_dim), of rows that are rotated; or null
  Element element;      // kBf16 or kF32
  bool wide;            // kBf16 as floats
  void* to;             // (n_rows, head_dim), and room for 16 more
};

/// Keys that take lanes [lane, lane + n_keys) of a group of 16, not rotated yet.
struct KeyRows {
  const float* k;  // (n_keys, head_dim at stride)
  std::int64_t stride;
  int lane, n_keys;
  RowRotation rotation;  // of the first; the next one's tables follow
  Element element;
  void* to;      // the group
  float* scale;  // (16), for kInt8
};

/// Values that take slots [slot, slot + n_keys) of a block.
struct ValueRows {
  const float* v;  // (n_keys, value_dim at stride)
  std::int64_t stride;
  std::int64_t slot, n_keys;
  int value_dim, padded_dim;
  Element element;
  void* to;      // this head's values of the block
  float* scale;  // (kBlockKeys), for kInt8
};

/// 16 keys of one head as they lie in the cache, rotated by angles of their own.
struct KeyRotation {
  const void* from;  // bf16: (head_dim / 2, 16, 2); f32: (head_dim, 16)
  void* to;
  const float *cosine, *sine;  // (half, 16)
  int head_dim, half;          // half: rotated pairs; even for bf16
};

/// Rows of weights as their file stores them -> one panel of 16 outputs, as Product reads it. Missing rows
/// are zeros.
struct Expansion {
  const std::uint8_t* const* rows;  // (n_rows), n_rows <= 16
  int n_rows;
  std::int64_t n_in;
  void* panel;  // bf16: (n_in / 2 rounded up, 16, 2); f32: (n_in, 16)
};

constexpr int kQuantGroup = 32;   // inputs that share a scale when a row of x is quantised
constexpr int kQuantStep = 64;    // inputs that dot products read at once: rows are padded to it with zeros
constexpr int kQuantPart = 2048;  // inputs of one pass: what a pass needs stays in L1

/// A row of x as 8-bit integers: x = scale * q. The factors stand once for groups of 16 and once for 32
/// inputs, the two sizes that weight formats have.
struct QuantisedRow {
  std::int8_t* q;         // (n_in padded to kQuantStep)
  std::int32_t* balance;  // (the same / 4): -128 * the sum of four q: signed weights are read with 128 added
  float* scale[2];        // (n_in / 16), (n_in / 32), padded with zeros to whole kQuantPart
  float* sum[2];          // the same sizes: scale * the sum of the group's q
};

/// y[o] (+)= <row o, x> + bias[o] for outputs o in [begin, end), for each of n_x rows of x.
struct Dots {
  const std::uint8_t* const* rows;  // (n_out), as the file stores them
  std::int64_t n_in, begin, end;
  std::int64_t n_x;
  const QuantisedRow* quantised;  // (n_x), or null
  const float* x;                 // (n_x, n_in), where quantised is null
  const float* bias;              // (n_out), or null
  float* y;                       // (n_x, y_stride)
  std::int64_t y_stride;
  bool add;
  float scale;
};

/// What an instruction set does with one weight format.
struct WeightKernels {
  void (*expand_bf16)(const Expansion&);
  void (*expand_f32)(const Expansion&);
  void (*dots_quantised)(const Dots&);  // null for formats of floats
  void (*dots_f32)(const Dots&);
  void (*widen)(const std::uint8_t* row, std::int64_t n, float* out);  // out (n) = the row's n weights
};

/// 16 channels or fewer of a convolution (kernels/recurrence.h).
struct ConvolutionChannels {
  float* x;           // (n_rows, n at stride), becomes the result
  const float* taps;  // (n, n_taps)
  const float* bias;  // (n), or null
  float* columns;     // (n_taps - 1, n at stride)
  std::int64_t stride, n_rows, n;
  int n_taps;
  bool silu;
};
constexpr int kMostConvolutionTaps = 16;

/// Columns of the values of one head of a recurrence (kernels/recurrence.h).
struct RecurrenceColumns {
  const float *q, *k;           // (n_rows, key_dim at key_stride)
  const float* v;               // (n_rows, n_columns at value_stride)
  const float *decay, *weight;  // (n_rows at gate_stride)
  float* out;                   // as v; may be v
  float* state;                 // (key_dim, n_columns at state_stride)
  std::int64_t key_stride, value_stride, gate_stride, state_stride;
  std::int64_t n_rows, key_dim, n_columns;
  float skip;
  bool delta;
};

// ---------------------------------------------------------------- training (training_kernels.h)

/// Rows of B as gemm reads them: panels of 16 columns, zeros beyond the last column.
struct GemmRows {
  const float* x;  // (n_rows, n_columns at stride)
  std::int64_t stride, n_rows, n_columns;
  float scale;
  float* to;                    // (n_panels, n_inner, 16)
  std::int64_t n_inner, inner;  // rows of the whole B; the first one's place among them
};
/// c (n_rows, n_columns at c_stride) += a b, float32. Sums run over kGemmInner inner elements at a time, in
/// their order.
struct Gemm {
  const float* a;  // (n_rows, n_inner at a_stride), or, where turned, (n_inner, n_rows at a_stride)
  std::int64_t a_stride;
  bool turned;
  const float* b;         // (n_panels, n_inner, 16)
  std::int64_t b_stride;  // floats from panel to panel
  float* c;
  std::int64_t c_stride;
  std::int64_t n_rows, n_columns, n_inner;
  float* packed;  // scratch where turned: (n_rows rounded up to kGemmRoom, kGemmInner)
};
constexpr std::int64_t kGemmInner = 256;  // what B holds of them in a panel fits in L1
constexpr std::int64_t kGemmRoom = 12;    // a multiple of every set's rows of a register tile

/// One row of a norm, backward.
struct NormBackward {
  const float *x, *dy;
  std::int64_t n;
  RowNorm norm;     // its bias is not read
  float* dx;        // +=
  float* d_weight;  // (n) +=, or null
  float* d_bias;    // (n) +=, or null
};
/// n elements of a feed-forward layer's middle, backward (Training::activate_backward).
struct ActivationBackward {
  const float *gate, *up, *dh;  // gate may be null
  std::int64_t n;
  float *d_gate, *d_up;
};

/// The keys of one region of a plan for a tile of queries, and what is summed there.
struct BackwardRegion {
  const float* q;       // (n_rows, padded_dim): rotated for the region, times row scale and log2(e)
  const float* keys;    // (n, padded_dim): from key `first` on, rotated for the region
  const float* turned;  // the same, (n / 16, head_dim, 16)
  std::int64_t first;   // a multiple of kKeyTile
  float* d_q;           // (n_rows, padded_dim) +=: of the rotated query times its scale
  float* d_keys;        // (n, padded_dim) +=: of the rotated keys, times log2(e); from key d_first on
  std::int64_t d_first;
};
/// Attention backward of a tile of rows of one head (attention_backward_tile.h).
struct BackwardTile {
  int head_dim, padded_dim;     // padded: rounded up to 16, what lies beyond is 0
  int value_dim, padded_value;  // the same of values, out and d_out
  int n_rows;                   // at most kTileRows
  int n_regions;
  const BackwardRegion* regions;
  const float* values_turned;  // (n / 16, value_dim, 16), from key values_first on
  std::int64_t values_first;
  float* d_values;  // (n, padded_value) +=, from key d_values_first on
  std::int64_t d_values_first;
  const float *d_out, *out;  // (n_rows, value_dim at stride)
  std::int64_t stride;
  const float* lse;  // (n_rows): of logits, natural
  std::int64_t lse_stride;
  float soft_cap;                     // times log2(e); 0: none
  const std::int64_t* segment_begin;  // (n_rows + 1), into segments
  const TileSegment* segments;
  std::int64_t key_begin, key_end;  // no row sees others; key_begin is a multiple of kKeyTile
  float* rows;                      // scratch: (kTileRows, padded_value)
  float* scores;                    // scratch: (n_regions, kTileRows, kKeyTile)
  float* d_scores;                  // scratch: (n_regions + 1, kTileRows, kKeyTile)
  float* weights;                   // scratch: (kTileRows, kKeyTile)
};

/// 16 channels or fewer of a convolution over the rows of one text, backward.
struct ConvolutionBackward {
  const float *x, *dy;     // (n_rows, n at stride)
  float* dx;               // as x; =
  const float* taps;       // (n, n_taps)
  const float* bias;       // (n), or null
  float *d_taps, *d_bias;  // as taps and bias; +=, each null where it is not wanted
  std::int64_t stride, n_rows, n;
  int n_taps;
  bool silu;
};
/// One column of the values of one head of a recurrence over some rows, backward. `keys`: key_dim rounded up
/// to 16, what lies beyond it is 0.
struct RecurrenceBackward {
  const float *q, *k;           // (n_rows, keys)
  const float *v, *d_out;       // (n_rows at stride)
  const float *decay, *weight;  // (n_rows): RecurrenceGate
  float* states;                // (n_rows + 1, keys): the first is the state before the rows; others =
  float *left, *u;              // scratch: (n_rows)
  float* d_state;             // (keys): by the state behind the last row; becomes that by the one before all
  float *d_q, *d_k;           // (n_rows, keys) +=
  float* d_v;                 // (n_rows at stride) =
  float *d_decay, *d_weight;  // (n_rows) +=
  std::int64_t stride, n_rows, keys;
  float skip;
  bool delta;
};

/// What training needs of an instruction set beside what inference does.
struct TrainingKernels {
  void (*gemm_rows)(const GemmRows&);
  void (*gemm)(const Gemm&);
  void (*norm_backward)(const NormBackward&);
  void (*activate_backward[kTrainedActivations])(const ActivationBackward&);
  void (*soft_cap_backward)(const float* y, const float* dy, std::int64_t n, float cap, float* dx);
  /// x (n) = factor e^(x - top)
  void (*exp_scaled)(float* x, std::int64_t n, float top, float factor);
  /// y += R^T x: x (head_dim) turned back by the row's angles, times gain or rest.
  void (*add_rotated_back)(const RowRotation&, const float* x, float* y);
  void (*attention_backward)(const BackwardTile&);
  void (*convolve_backward)(const ConvolutionBackward&);
  void (*recur_backward)(const RecurrenceBackward&);
};

/// The operations of one instruction set.
struct Isa {
  const char* name;
  bool (*supported)();
  void (*attention_bf16)(const AttentionTile&);
  void (*attention_f32)(const AttentionTile&);
  void (*attention_wide)(
      const AttentionTile&);  // bf16 for many rows, q as floats; null where pairs are multiplied
  void (*merge_softmax)(const SoftmaxMerge&);
  void (*product_bf16)(const Product&);
  void (*product_f32)(const Product&);
  bool tiled_rows;  // product_bf16 wants x_tiled where n_in is a multiple of kTileWidth
  bool wide_bf16;   // expand_bf16 and product_bf16 keep bfloat16 numbers as floats
  void (*rotate_queries)(const QueryRows&);
  void (*pack_keys)(const KeyRows&);
  bool (*pack_values)(const ValueRows&);  // whether all are finite
  void (*rotate_keys_bf16)(const KeyRotation&);
  void (*rotate_keys_f32)(const KeyRotation&);
  void (*soft_cap)(float* x, std::int64_t n, float cap);
  void (*add_scaled)(const float* x, std::int64_t n, float scale, float* y);
  void (*convolve)(const ConvolutionChannels&);
  void (*recur)(const RecurrenceColumns&);
  /// Of each Activation: x = act(x) * up, or act(x) where up is null.
  void (*activate[kActivations])(float* x, const float* up, std::int64_t n);
  void (*norm)(const float* x, std::int64_t n, const RowNorm& norm, float* y);  // one row
  void (*to_bf16)(const float* x, std::uint16_t* out, std::int64_t n);
  void (*round_to_bf16)(const float* x, float* out, std::int64_t n);
  ExpSum (*exp_sum)(const float* x, std::int64_t n);
  /// The first i in [begin, n) with x[i] above `least` or NaN; n where there is none.
  std::int64_t (*next_above)(const float* x, std::int64_t begin, std::int64_t n, float least);
  WeightKernels (*weights)(int ggml_type);
  float (*read_floats)(const float* p, std::int64_t n);
  double (*spin_f32)(std::int64_t n);    // peak.h
  double (*spin_bf16)(std::int64_t n);   // null where nothing multiplies pairs of bfloat16
  double (*spin_tiles)(std::int64_t n);  // null without tiles
  void (*quantise)(const float* x, std::int64_t n, const QuantisedRow& out);  // n: a multiple of 32
  TrainingKernels training;
};

extern const Isa kPortable;                                                      // everywhere
extern const Isa kAmxBf16, kAvx512Bf16, kAvx512Vnni, kAvx512, kAvx2Vnni, kAvx2;  // x86-64
extern const Isa kNeonBf16, kNeonI8mm, kNeonDotprod, kNeon;                      // aarch64

/// Those of this processor's kind, best first, then null.
extern const Isa* const kInstructionSets[];

/// The instruction set of that name, or the best of this machine where it is empty. Errors: UsageError.
const Isa& find_isa(const char* name);

}  // namespace rw::cpu
