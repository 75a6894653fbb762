// SPDX-License-Identifier: Apache-2.0
/// The algorithms, written once over vectors of 16 floats. Included inside a namespace of its own by each
/// isa_*.cpp, after it has defined `dot_pairs`. Nothing here depends on which rows stand beside a row: each
/// row's operations and their order are the same in every tile, chunk and thread count.
// (no include guard: each instruction set compiles its own copy)

typedef float Vec __attribute__((vector_size(64)));
typedef std::int32_t Int __attribute__((vector_size(64)));
typedef std::uint32_t Bits __attribute__((vector_size(64)));
typedef Vec VecU __attribute__((aligned(4)));
typedef Bits BitsU __attribute__((aligned(4)));

#define RW_INLINE static inline __attribute__((always_inline))

RW_INLINE Vec load(const float* p) { return *reinterpret_cast<const VecU*>(p); }
RW_INLINE void store(float* p, Vec v) { *reinterpret_cast<VecU*>(p) = v; }
RW_INLINE Vec splat(float x) { return Vec{} + x; }
RW_INLINE Vec maximum(Vec a, Vec b) { return a > b ? a : b; }

RW_INLINE float reduce_max(Vec v) {
  float top = v[0];
  for (int i = 1; i < kLanes; ++i) top = v[i] > top ? v[i] : top;
  return top;
}
RW_INLINE float reduce_add(Vec v) {
  float a[kLanes];
  store(a, v);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) a[i] += a[i + width];
  return a[0];
}

/// 2^x for x <= 127; exactly 0 below -126. Relative error 2e-7 (degree 6 on [-1/2, 1/2]).
RW_INLINE Vec exp2_of(Vec x) {
  const Vec magic = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  const Vec clamped = maximum(x, splat(-126.0f));
  const Vec shifted = clamped + magic;
  const Vec f = clamped - (shifted - magic);
  Vec p = splat(1.535336188e-4f);
  p = p * f + splat(1.339887440e-3f);
  p = p * f + splat(9.618437358e-3f);
  p = p * f + splat(5.550332471e-2f);
  p = p * f + splat(2.402264791e-1f);
  p = p * f + splat(6.931472029e-1f);
  p = p * f + splat(1.0f);
  const Int power = (reinterpret_cast<Int>(shifted) - reinterpret_cast<Int>(magic)) << 23;
  const Vec result = reinterpret_cast<Vec>(reinterpret_cast<Int>(p) + power);
  return x < splat(-126.0f) ? Vec{} : result;
}

/// Nearest-even bfloat16 of 16 finite floats.
RW_INLINE void store_bf16(std::uint16_t* p, Vec v) {
  typedef std::uint16_t Half __attribute__((vector_size(32), aligned(2)));
  const Bits u = reinterpret_cast<Bits>(v);
  const Bits rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  *reinterpret_cast<Half*>(p) = __builtin_convertvector(rounded, Half);
}

/// The two kinds of operands: `step` elements of the inner dimension stand together.
struct Pairs {  // bfloat16
  using T = std::uint16_t;
  static constexpr int kStep = 2;
  RW_INLINE Vec multiply_add(Vec sum, const T* a, const T* b) { return dot_pairs(sum, a, b); }
  RW_INLINE void store_weights(T* p, Vec v) { store_bf16(p, v); }
};
struct Singles {  // float
  using T = float;
  static constexpr int kStep = 1;
  RW_INLINE Vec multiply_add(Vec sum, const T* a, const T* b) { return sum + splat(*a) * load(b); }
  RW_INLINE void store_weights(T* p, Vec v) { store(p, v); }
};

/// c (MR, NZ * 16 at stride ldc) (+)= a (MR, n at stride lda) b; b's vectors are at k * ks + z * zs.
template <class Op, int MR, int NZ, bool kAdd>
RW_INLINE void micro(const typename Op::T* a, std::int64_t lda, const typename Op::T* b, std::int64_t zs,
                     std::int64_t ks, float* c, std::int64_t ldc, std::int64_t n) {
  Vec sums[MR][NZ];
  for (int i = 0; i < MR; ++i)
    for (int z = 0; z < NZ; ++z) sums[i][z] = kAdd ? load(c + i * ldc + 16 * z) : Vec{};
  for (std::int64_t k = 0; k < n / Op::kStep; ++k)
    for (int i = 0; i < MR; ++i)
      for (int z = 0; z < NZ; ++z)
        sums[i][z] = Op::multiply_add(sums[i][z], a + i * lda + k * Op::kStep, b + k * ks + z * zs);
  for (int i = 0; i < MR; ++i)
    for (int z = 0; z < NZ; ++z) store(c + i * ldc + 16 * z, sums[i][z]);
}

/// The same for any number of rows.
template <class Op, int NZ, bool kAdd>
RW_INLINE void rows_of(std::int64_t n_rows, const typename Op::T* a, std::int64_t lda,
                       const typename Op::T* b, std::int64_t zs, std::int64_t ks, float* c, std::int64_t ldc,
                       std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kTileRows <= n_rows; i += kTileRows)
    micro<Op, kTileRows, NZ, kAdd>(a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
  for (; i < n_rows; ++i) micro<Op, 1, NZ, kAdd>(a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
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
template <class Op>
RW_INLINE void softmax_row(const AttentionTile& t, int row, const float* s, float scale) {
  const Vec c = splat(scale);
  const Vec x0 = load(s) * c, x1 = load(s + 16) * c, x2 = load(s + 32) * c, x3 = load(s + 48) * c;
  const float top = reduce_max(maximum(maximum(x0, x1), maximum(x2, x3)));
  if (top > t.top[row] + 8.0f) {
    const float shrink = exp2_of(splat(t.top[row] - top))[0];  // 0 at the first tile: top is -inf before
    t.total[row] *= shrink;
    for (int d = 0; d < t.padded_dim; d += kLanes)
      store(t.sum + row * t.padded_dim + d, load(t.sum + row * t.padded_dim + d) * splat(shrink));
    t.top[row] = top;
  }
  const Vec m = splat(t.top[row]);
  const Vec p0 = exp2_of(x0 - m), p1 = exp2_of(x1 - m), p2 = exp2_of(x2 - m), p3 = exp2_of(x3 - m);
  t.total[row] += reduce_add((p0 + p1) + (p2 + p3));
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
  int z = 0;
  for (; z + 4 <= t.padded_dim / 16; z += 4)
    rows_of<Op, 4, true>(rows, w, kKeyTile, v + z * zs, zs, ks, t.sum + 16 * z, t.padded_dim, kKeyTile);
  for (; z < t.padded_dim / 16; ++z)
    rows_of<Op, 1, true>(rows, w, kKeyTile, v + z * zs, zs, ks, t.sum + 16 * z, t.padded_dim, kKeyTile);
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
    for (int z = 0; z < t.padded_dim / 16; ++z)
      micro<Op, 1, 1, true>(w, kKeyTile, seen + z * zs, zs, ks, t.sum + row * t.padded_dim + 16 * z,
                            t.padded_dim, kKeyTile);
  }
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
    const auto* k = static_cast<const typename Op::T*>(t.k_blocks[r][block]) + in_block * t.head_dim;
    rows_of<Op, 4, false>(rows, static_cast<const typename Op::T*>(t.q[r]), t.head_dim, k,
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
  const auto* v = static_cast<const typename Op::T*>(t.v_blocks[block]) + in_block * t.padded_dim;
  if (t.odd_values[block])
    add_odd_values<Op>(t, v);
  else
    add_values<Op>(t, v);
}

template <class Op>
static void attention(const AttentionTile& t) {
  const int rows = t.n_positions * t.group;
  for (int row = 0; row < rows; ++row) t.top[row] = -__builtin_inff(), t.total[row] = 0;
  for (int e = 0; e < rows * t.padded_dim; ++e) t.sum[e] = 0;
  std::int64_t end = 0;
  for (std::int64_t s = t.segment_begin[0]; s < t.segment_begin[t.n_positions]; ++s)
    end = t.segments[s].end > end ? t.segments[s].end : end;
  for (std::int64_t key = 0; key < end; key += kKeyTile) key_tile<Op>(t, key);
  for (int row = 0; row < rows; ++row)
    for (int d = 0; d < t.head_dim; ++d) t.out[row][d] = t.sum[row * t.padded_dim + d] / t.total[row];
}

// ---------------------------------------------------------------- products and elementwise

/// NZ panels for all rows. The last panel may hold fewer than 16 outputs, so results pass a small buffer.
template <class Op, int NZ>
RW_INLINE void panels(const Product& p, std::int64_t panel) {
  const std::int64_t size = p.n_in * 16;
  const auto* w = static_cast<const typename Op::T*>(p.w) + panel * size;
  const auto* x = static_cast<const typename Op::T*>(p.x);
  const std::int64_t o = panel * 16, width = p.n_out - o < NZ * 16 ? p.n_out - o : NZ * 16;
  for (std::int64_t i = 0; i < p.n_rows; i += kTileRows) {
    const std::int64_t rows = p.n_rows - i < kTileRows ? p.n_rows - i : kTileRows;
    float c[kTileRows * NZ * 16];
    rows_of<Op, NZ, false>(rows, x + i * p.x_stride, p.x_stride, w, size, 16 * Op::kStep, c, NZ * 16, p.n_in);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t e = 0; e < width; ++e)
        p.y[(i + r) * p.y_stride + o + e] = c[r * NZ * 16 + e] + (p.bias ? p.bias[o + e] : 0.0f);
  }
}

template <class Op>
static void product(const Product& p) {
  std::int64_t panel = p.panel_begin;
  for (; panel + 4 <= p.panel_end; panel += 4) panels<Op, 4>(p, panel);
  for (; panel < p.panel_end; ++panel) panels<Op, 1>(p, panel);
}

/// gate = gate / (1 + e^-gate) * up.
static void silu_mul(float* gate, const float* up, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t left = n - i < kLanes ? n - i : kLanes;
    float g[kLanes] = {}, u[kLanes] = {};
    __builtin_memcpy(g, gate + i, static_cast<unsigned long>(left) * 4);
    __builtin_memcpy(u, up + i, static_cast<unsigned long>(left) * 4);
    const Vec x = load(g);
    const Vec power = x * splat(-1.44269504f);
    const Vec result = x / (splat(1.0f) + exp2_of(power > splat(127.0f) ? splat(127.0f) : power)) * load(u);
    store(g, result);
    __builtin_memcpy(gate + i, g, static_cast<unsigned long>(left) * 4);
  }
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
