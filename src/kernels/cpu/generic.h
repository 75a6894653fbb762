// SPDX-License-Identifier: Apache-2.0
/// The algorithms, written once over vectors of 16 floats (vec.h). Included inside a namespace of its own by
/// each isa_*.cpp. Nothing here depends on which rows stand beside a row: each row's operations and their
/// order are the same in every tile, chunk and thread count.
// (no include guard: each instruction set compiles its own copy)
#include "kernels/cpu/vec.h"
//
#include "kernels/cpu/pack.h"

/// c (MR, NZ * 16 at stride ldc) (+)= a (MR, n at stride lda) b; b's vectors are at k * ks + z * zs.
template <class Op, int MR, int NZ>
RW_INLINE void micro(bool add, const typename Op::Row* a, std::int64_t lda, const typename Op::T* b,
                     std::int64_t zs, std::int64_t ks, float* c, std::int64_t ldc, std::int64_t n) {
  Vec sums[MR][NZ];
  if (add) {
    RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z) sums[i][z] =
        load(c + i * ldc + 16 * z);
  } else {
    RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z) sums[i][z] = splat(0.0f);
  }
  for (std::int64_t k = 0; k < n / Op::kStep; ++k) {
    typename Op::B vectors[NZ];
    RW_UNROLL for (int z = 0; z < NZ; ++z) vectors[z] = Op::vector(b + k * ks + z * zs);
    RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z) sums[i][z] =
        Op::multiply_add(sums[i][z], a + i * lda + k * Op::kStep, vectors[z]);
  }
  RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z)
      store(c + i * ldc + 16 * z, sums[i][z]);
}

/// The same for MR rows and any number of vectors.
template <class Op, int MR>
RW_INLINE void row_block(bool add, std::int64_t n_vecs, const typename Op::Row* a, std::int64_t lda,
                         const typename Op::T* b, std::int64_t zs, std::int64_t ks, float* c,
                         std::int64_t ldc, std::int64_t n) {
  std::int64_t z = 0;
  for (; z + Op::kVecs <= n_vecs; z += Op::kVecs)
    micro<Op, MR, Op::kVecs>(add, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, n);
  for (; z < n_vecs; ++z) micro<Op, MR, 1>(add, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, n);
}

/// The same for MR rows that are widened to floats first, a part of the inner dimension at a time.
template <class Op, int MR>
RW_INLINE void widened_block(bool add, std::int64_t n_vecs, const typename Op::T* a, std::int64_t lda,
                             const typename Op::T* b, std::int64_t zs, std::int64_t ks, float* c,
                             std::int64_t ldc, std::int64_t n) {
  constexpr std::int64_t kPart = 512;
  float wide[MR * kPart];
  for (std::int64_t begin = 0; begin < n; begin += kPart) {
    const std::int64_t part = n - begin < kPart ? n - begin : kPart;
    for (int i = 0; i < MR; ++i)
      for (std::int64_t k = 0; k < part; ++k) {
        const std::uint32_t bits = static_cast<std::uint32_t>(a[i * lda + begin + k]) << 16;
        __builtin_memcpy(wide + i * kPart + k, &bits, 4);
      }
    row_block<Op, MR>(add || begin > 0, n_vecs, wide, kPart, b + begin / Op::kStep * ks, zs, ks, c, ldc,
                      part);
  }
}

/// The same for any number of rows.
template <class Op, bool kAdd>
RW_INLINE void in_registers(std::int64_t n_rows, std::int64_t n_vecs, const typename Op::T* a,
                            std::int64_t lda, const typename Op::T* b, std::int64_t zs, std::int64_t ks,
                            float* c, std::int64_t ldc, std::int64_t n) {
  std::int64_t i = 0;
  if constexpr (Op::kWidens) {
    for (; i + Op::kRows <= n_rows; i += Op::kRows)
      widened_block<Op, Op::kRows>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
    for (; i < n_rows; ++i)
      widened_block<Op, 1>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
  } else {
    for (; i + Op::kRows <= n_rows; i += Op::kRows)
      row_block<Op, Op::kRows>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
    for (; i < n_rows; ++i) row_block<Op, 1>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
  }
}

/// The same by the machine's tiles where the operands have them.
template <class Op, bool kAdd>
RW_INLINE void multiply(std::int64_t n_rows, std::int64_t n_vecs, const typename Op::T* a, std::int64_t lda,
                        const typename Op::T* b, std::int64_t zs, std::int64_t ks, float* c, std::int64_t ldc,
                        std::int64_t n) {
  if constexpr (Op::kTiles)
    Op::template in_tiles<kAdd>(n_rows, n_vecs, a, lda, b, zs, ks, c, ldc, n);
  else
    in_registers<Op, kAdd>(n_rows, n_vecs, a, lda, b, zs, ks, c, ldc, n);
}

// ---------------------------------------------------------------- attention

/// Whether any position of the tile sees a key of [begin, end) through `region`.
static bool region_needed(const AttentionTile& t, int region, std::int64_t begin, std::int64_t end) {
  for (std::int64_t s = t.segment_begin[0]; s < t.segment_begin[t.n_positions]; ++s)
    if (t.segments[s].region == region && t.segments[s].begin < end && t.segments[s].end > begin) return true;
  return false;
}

/// Leaves in the first region's scores of position p what the row sees of tile [key, key + kKeyTile), and
/// -inf elsewhere. Returns false when the row sees nothing of it.
static bool blend_row(const AttentionTile& t, int p, std::int64_t key, int first, const bool* needed) {
  const int rows = t.n_positions * t.group;
  bool any = false, whole = false;
  for (std::int64_t s = t.segment_begin[p]; s < t.segment_begin[p + 1]; ++s) {
    const TileSegment& segment = t.segments[s];
    if (segment.begin >= key + kKeyTile || segment.end <= key) continue;
    any = true;
    whole = segment.region == first && segment.begin <= key && segment.end >= key + kKeyTile;
  }
  if (!any || whole) return any;
  for (int g = 0; g < t.group; ++g) {
    const int row = p * t.group + g;
    float* to = t.scores + (static_cast<std::int64_t>(first) * rows + row) * kKeyTile;
    float blended[kKeyTile];
    for (int c = 0; c < kKeyTile; ++c) blended[c] = -__builtin_inff();
    for (std::int64_t s = t.segment_begin[p]; s < t.segment_begin[p + 1]; ++s) {
      const TileSegment& segment = t.segments[s];
      const std::int64_t begin = segment.begin > key ? segment.begin - key : 0;
      const std::int64_t end = segment.end < key + kKeyTile ? segment.end - key : kKeyTile;
      if (begin >= end || !needed[segment.region]) continue;
      const float* from = t.scores + (static_cast<std::int64_t>(segment.region) * rows + row) * kKeyTile;
      for (std::int64_t c = begin; c < end; ++c) blended[c] = from[c];
    }
    for (int c = 0; c < kKeyTile; ++c) to[c] = blended[c];
  }
  return true;
}

/// Online softmax of one row over one tile: writes its weights, updates its maximum, total and sum. The
/// maximum is left stale until it grows by 2^8: weights stay finite, and the sum is rarely rescaled.
/// REQUIRES: scale > 0.
template <class Op>
RW_INLINE void softmax_row(const AttentionTile& t, int row, const float* s, float scale) {
  const Vec c = splat(scale), s0 = load(s), s1 = load(s + 16), s2 = load(s + 32), s3 = load(s + 48);
  const Vec largest = maximum(maximum(s0, s1), maximum(s2, s3)) * c;
  float* total = t.range.total + row * kLanes;
  if (any_above(largest, t.range.top[row] + 8.0f)) {
    const float top = reduce_max(largest);
    // 0 at the first tile: the maximum was -inf before.
    const Vec shrink = splat(exp2_of<false>(splat(t.range.top[row] - top)).part[0][0]);
    store(total, load(total) * shrink);
    for (int d = 0; d < t.padded_dim; d += kLanes)
      store(t.range.sum + row * t.padded_dim + d, load(t.range.sum + row * t.padded_dim + d) * shrink);
    t.range.top[row] = top;
  }
  const Vec m = splat(t.range.top[row]);
  const Vec p0 = exp2_of<Op::kRounded>(s0 * c - m), p1 = exp2_of<Op::kRounded>(s1 * c - m),
            p2 = exp2_of<Op::kRounded>(s2 * c - m), p3 = exp2_of<Op::kRounded>(s3 * c - m);
  store(total, load(total) + ((p0 + p1) + (p2 + p3)));
  auto* w = static_cast<typename Op::T*>(t.weights) + row * kKeyTile;
  Op::store_weights(w, p0);
  Op::store_weights(w + 16, p1);
  Op::store_weights(w + 32, p2);
  Op::store_weights(w + 48, p3);
}

/// sum (rows, padded_dim) += weights (rows, kKeyTile) v.
template <class Op>
RW_INLINE void add_values(const AttentionTile& t, const typename Op::T* v) {
  const int rows = t.n_positions * t.group;
  const auto* w = static_cast<const typename Op::T*>(t.weights);
  const std::int64_t ks = static_cast<std::int64_t>(t.padded_dim) * Op::kStep, zs = 16 * Op::kStep;
  multiply<Op, true>(rows, t.padded_dim / 16, w, kKeyTile, v, zs, ks, t.range.sum, t.padded_dim, kKeyTile);
}

/// The same where a value is infinite or NaN: a key of weight 0 must not reach a row (0 x inf is NaN), or a
/// row would depend on keys it does not see. Each row gets the tile with such keys zeroed; then the same
/// operations.
template <class Op>
static __attribute__((noinline)) void add_odd_values(const AttentionTile& t, const typename Op::T* v) {
  typename Op::T seen[kKeyTile * kMaxHeadDim];
  const std::int64_t ks = static_cast<std::int64_t>(t.padded_dim) * Op::kStep, zs = 16 * Op::kStep;
  for (int row = 0; row < t.n_positions * t.group; ++row) {
    const auto* w = static_cast<const typename Op::T*>(t.weights) + row * kKeyTile;
    for (int key = 0; key < kKeyTile; ++key)
      for (int d = 0; d < t.padded_dim; ++d) {
        const std::int64_t at = key / Op::kStep * ks + d * Op::kStep + key % Op::kStep;
        seen[at] = w[key] == 0 ? static_cast<typename Op::T>(0) : v[at];
      }
    multiply<Op, true>(1, t.padded_dim / 16, w, kKeyTile, seen, zs, ks, t.range.sum + row * t.padded_dim,
                       t.padded_dim, kKeyTile);
  }
}

/// Tile [in_block, in_block + kKeyTile) of a head's keys or values as products read it: where it lies, or
/// expanded from 8 bits. Few rows wait for memory, and the hardware looks ahead within a page only: so the
/// next tile of the block is asked for (10 % of attention at depth 8,192).
template <class Op, bool kValues>
RW_INLINE const typename Op::T* tile_elements(const AttentionTile& t, const void* head,
                                              std::int64_t in_block) {
  const std::int64_t width = kValues ? t.padded_dim : t.head_dim;
  const std::int64_t size = t.eight_bits ? 1 : static_cast<std::int64_t>(sizeof(typename Op::T));
  const auto* bytes = static_cast<const char*>(head) + in_block * width * size;
  if (t.n_positions * t.group <= 16 && in_block + 2 * kKeyTile <= kBlockKeys)
    for (std::int64_t at = kKeyTile * width * size; at < 2 * kKeyTile * width * size; at += 64)
      __builtin_prefetch(bytes + at);
  if constexpr (Op::kStep == 2) {
    if (t.eight_bits) {
      const auto* scale = reinterpret_cast<const float*>(static_cast<const char*>(head) + kBlockKeys * width);
      (kValues ? expand_values : expand_keys)(reinterpret_cast<const std::int8_t*>(bytes), scale + in_block,
                                              width, t.expanded[kValues]);
      return t.expanded[kValues];
    }
  }
  return reinterpret_cast<const typename Op::T*>(bytes);
}

/// One tile of keys: scores of each region that is seen, blend, softmax, values.
template <class Op>
RW_INLINE void key_tile(const AttentionTile& t, std::int64_t key) {
  const int rows = t.n_positions * t.group;
  const std::int64_t block = key / kBlockKeys, in_block = key % kBlockKeys;
  bool needed[8];
  int first = -1;
  for (int r = 0; r < t.n_regions; ++r) {
    needed[r] = region_needed(t, r, key, key + kKeyTile);
    if (!needed[r]) continue;
    if (first < 0) first = r;
    const auto* k = tile_elements<Op, false>(t, t.k_blocks[r][block], in_block);
    multiply<Op, false>(rows, kKeyTile / 16, static_cast<const typename Op::T*>(t.q[r]), t.head_dim, k,
                        std::int64_t{16} * t.head_dim, 16 * Op::kStep,
                        t.scores + static_cast<std::int64_t>(r) * rows * kKeyTile, kKeyTile, t.head_dim);
  }
  if (first < 0) return;
  for (int p = 0; p < t.n_positions; ++p) {
    const bool seen = blend_row(t, p, key, first, needed);
    for (int g = 0; g < t.group; ++g) {
      const int row = p * t.group + g;
      if (seen) {
        softmax_row<Op>(t, row, t.scores + (static_cast<std::int64_t>(first) * rows + row) * kKeyTile,
                        t.row_scale[p]);
      } else {
        for (int c = 0; c < kKeyTile; ++c) static_cast<typename Op::T*>(t.weights)[row * kKeyTile + c] = 0;
      }
    }
  }
  const auto* v = tile_elements<Op, true>(t, t.v_blocks[block], in_block);
  if (t.odd_values[block])
    add_odd_values<Op>(t, v);
  else
    add_values<Op>(t, v);
}

static void begin_softmax(const SoftmaxState& state, int rows, int padded_dim) {
  for (int row = 0; row < rows; ++row) state.top[row] = -__builtin_inff();
  for (int e = 0; e < rows * kLanes; ++e) state.total[e] = 0;
  for (int e = 0; e < rows * padded_dim; ++e) state.sum[e] = 0;
}

static void merge_softmax(const SoftmaxMerge& m) {
  for (int row = 0; row < m.rows && m.more != nullptr; ++row) {
    const float a = m.whole.top[row], b = m.more->top[row];
    if (b == -__builtin_inff()) continue;  // nothing more was seen
    const float top = a > b ? a : b;
    const Vec keep = splat(exp2_of<false>(splat(a - top)).part[0][0]);
    const Vec take = splat(exp2_of<false>(splat(b - top)).part[0][0]);
    float* total = m.whole.total + row * kLanes;
    store(total, load(total) * keep + load(m.more->total + row * kLanes) * take);
    for (int d = 0; d < m.padded_dim; d += kLanes) {
      float* sum = m.whole.sum + row * m.padded_dim + d;
      store(sum, load(sum) * keep + load(m.more->sum + row * m.padded_dim + d) * take);
    }
    m.whole.top[row] = top;
  }
  for (int row = 0; row < m.rows && m.out != nullptr; ++row) {
    const float total = reduce_add(load(m.whole.total + row * kLanes));
    for (int d = 0; d < m.head_dim; ++d) m.out[row][d] = m.whole.sum[row * m.padded_dim + d] / total;
  }
}

template <class Op>
static void attention(const AttentionTile& t) {
  const int rows = t.n_positions * t.group;
  begin_softmax(t.whole, rows, t.padded_dim);
  for (std::int64_t begin = t.key_begin; begin < t.key_end; begin += kRangeKeys) {
    const std::int64_t end = begin + kRangeKeys < t.key_end ? begin + kRangeKeys : t.key_end;
    bool seen = false;
    for (int r = 0; r < t.n_regions; ++r) seen = seen || region_needed(t, r, begin, end);
    if (!seen) continue;
    begin_softmax(t.range, rows, t.padded_dim);
    for (std::int64_t key = begin; key < end; key += kKeyTile) key_tile<Op>(t, key);
    merge_softmax({rows, t.head_dim, t.padded_dim, t.whole, &t.range, nullptr});
  }
}

// ---------------------------------------------------------------- products

/// NZ panels for all rows. The last panel may hold fewer than 16 outputs, so results pass a small buffer.
template <class Op, int NZ>
RW_INLINE void panels(const Product& p, std::int64_t panel) {
  const std::int64_t size = p.n_in * 16;
  const auto* w = static_cast<const typename Op::T*>(p.w) + panel * size;
  const auto* x = static_cast<const typename Op::T*>(p.x);
  const std::int64_t o = panel * 16, width = p.n_out - o < NZ * 16 ? p.n_out - o : NZ * 16;
  for (std::int64_t i = 0; i < p.n_rows; i += Op::kRows) {
    const std::int64_t rows = p.n_rows - i < Op::kRows ? p.n_rows - i : Op::kRows;
    float c[Op::kRows * NZ * 16];
    multiply<Op, false>(rows, NZ, x + i * p.x_stride, p.x_stride, w, size, 16 * Op::kStep, c, NZ * 16,
                        p.n_in);
    for (std::int64_t r = 0; r < rows; ++r) {
      float *from = c + r * NZ * 16, *to = p.y + (i + r) * p.y_stride + o;
      if (p.bias != nullptr)
        for (std::int64_t e = 0; e < width; ++e) from[e] += p.bias[o + e];
      if (p.add)
        for (std::int64_t e = 0; e < width; ++e) from[e] += to[e];
      for (std::int64_t e = 0; e < width; ++e) to[e] = from[e];
    }
  }
}

template <class Op>
static void product(const Product& p) {
  std::int64_t panel = p.panel_begin;
  for (; panel + Op::kPanels <= p.panel_end; panel += Op::kPanels) panels<Op, Op::kPanels>(p, panel);
  for (; panel < p.panel_end; ++panel) panels<Op, 1>(p, panel);
}

// ---------------------------------------------------------------- elementwise

/// gate / (1 + e^-gate) * up.
RW_INLINE Vec silu_times(Vec gate, Vec up) {
  const Vec power = minimum(gate * splat(-1.44269504f), splat(127.0f));
  return gate / (splat(1.0f) + exp2_of<false>(power)) * up;
}

/// The last elements pass a buffer; copying all of them through one made this four times slower.
static void silu_mul(float* gate, const float* up, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(gate + i, silu_times(load(gate + i), load(up + i)));
  if (i == n) return;
  float g[kLanes] = {}, u[kLanes] = {};
  for (std::int64_t e = i; e < n; ++e) g[e - i] = gate[e], u[e - i] = up[e];
  store(g, silu_times(load(g), load(u)));
  for (std::int64_t e = i; e < n; ++e) gate[e] = g[e - i];
}

/// y = x / sqrt(mean(x^2) + eps) * weight. Sixteen partial sums: their rounding is far below bfloat16's.
static void rms_norm(const float* x, const float* weight, float eps, std::int64_t n, float* y) {
  Vec squares = splat(0.0f);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) squares = squares + load(x + i) * load(x + i);
  float sum = reduce_add(squares);
  for (std::int64_t e = i; e < n; ++e) sum += x[e] * x[e];
  const float scale = 1.0f / __builtin_sqrtf(sum / static_cast<float>(n) + eps);
  const Vec scales = splat(scale);
  for (i = 0; i + kLanes <= n; i += kLanes) store(y + i, load(x + i) * scales * load(weight + i));
  for (; i < n; ++i) y[i] = x[i] * scale * weight[i];
}

static void to_bf16(const float* x, std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_bf16(out + i, load(x + i));
  for (; i < n; ++i) {
    float last[kLanes] = {x[i]};
    std::uint16_t rounded[kLanes];
    store_bf16(rounded, load(last));
    out[i] = rounded[0];
  }
}
