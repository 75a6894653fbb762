// SPDX-License-Identifier: Apache-2.0
/// c += a b of floats, both ways of reading a: what all products of a backward pass are made of.
// (no include guard: each instruction set compiles its own copy)

/// c (MR, NZ * 16 at ldc) += a b over n inner elements. a(m, k) lies at a[m * as + k], or, kTurned, at
/// a[k * as + m]; b's vectors at k * ks + z * zs. c is added to whole sums, which small numbers need.
template <bool kTurned, int MR, int NZ>
RW_INLINE void gemm_micro(const float* a, std::int64_t as, const float* b, std::int64_t zs, std::int64_t ks,
                          float* c, std::int64_t ldc, std::int64_t n) {
  Vec sums[MR][NZ];
  RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z) sums[i][z] = splat(0.0f);
#pragma GCC unroll 4
  for (std::int64_t k = 0; k < n; ++k) {
    Vec vectors[NZ];
    RW_UNROLL for (int z = 0; z < NZ; ++z) vectors[z] = load(b + k * ks + z * zs);
    RW_UNROLL for (int i = 0; i < MR; ++i) {
      const Vec one = splat(kTurned ? a[k * as + i] : a[i * as + k]);
      RW_UNROLL for (int z = 0; z < NZ; ++z) sums[i][z] = sums[i][z] + one * vectors[z];
    }
  }
  RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z)
      store(c + i * ldc + 16 * z, load(c + i * ldc + 16 * z) + sums[i][z]);
}

/// What gemm_block reads: n_vecs vectors of columns, n inner elements.
struct Operands {
  const float* a;
  std::int64_t as;
  const float* b;
  std::int64_t zs, ks;
  std::int64_t n;
};

/// The same for n_rows rows, which are MR at most, and NZ vectors.
template <bool kTurned, int MR, int NZ>
RW_INLINE void gemm_panel(std::int64_t n_rows, const float* a, const Operands& o, const float* b, float* c,
                          std::int64_t ldc) {
  if (n_rows >= MR)
    gemm_micro<kTurned, MR, NZ>(a, o.as, b, o.zs, o.ks, c, ldc, o.n);
  else if constexpr (MR > 1)
    gemm_panel<kTurned, MR - 1, NZ>(n_rows, a, o, b, c, ldc);
}

/// The same for any number of rows. `a_step`: from one register tile's rows of a to the next one's.
template <bool kTurned, int NZ>
static __attribute__((noinline)) void gemm_columns(std::int64_t n_rows, std::int64_t a_step,
                                                   const Operands& o, const float* b, float* c,
                                                   std::int64_t ldc) {
  const float* a = o.a;
  for (std::int64_t i = 0; i < n_rows; i += kSingleRows, a += a_step)
    gemm_panel<kTurned, kSingleRows, NZ>(n_rows - i, a, o, b, c + i * ldc, ldc);
}

/// c (n_rows, 16 n_vecs at ldc) += a b.
template <bool kTurned>
static void gemm_block(std::int64_t n_rows, std::int64_t n_vecs, std::int64_t a_step, const Operands& o,
                       float* c, std::int64_t ldc) {
  std::int64_t z = 0;
  const auto columns = [&]<int NZ>() __attribute__((always_inline)) {
    gemm_columns<kTurned, NZ>(n_rows, a_step, o, o.b + z * o.zs, c + 16 * z, ldc);
    z += NZ;
  };
  while (z + kSingleVecs <= n_vecs) columns.template operator()<kSingleVecs>();
  // The last ones together: one alone would wait for its sums.
  if constexpr (kSingleVecs > 3)
    if (z + 3 == n_vecs) columns.template operator()<3>();
  if constexpr (kSingleVecs > 2)
    if (z + 2 == n_vecs) columns.template operator()<2>();
  if constexpr (kSingleVecs > 1)
    if (z < n_vecs) columns.template operator()<1>();
}

/// Rows of B into panels, some rows of a panel at a time: its next row lies beside them.
static void gemm_rows(const GemmRows& g) {
  const Vec scale = splat(g.scale);
  for (std::int64_t column = 0; column < g.n_columns; column += kLanes) {
    float* to = g.to + column * g.n_inner + g.inner * kLanes;
    for (std::int64_t r = 0; r < g.n_rows; ++r)
      store(to + r * kLanes, scale * load_some(g.x + r * g.stride + column, g.n_columns - column));
  }
}

/// packed = (n_rows / kSingleRows, n, kSingleRows) of a (n, n_rows at stride); missing rows stay as they are.
static void pack_turned(const float* a, std::int64_t stride, std::int64_t n_rows, std::int64_t n,
                        float* packed) {
  for (std::int64_t k = 0; k < n; ++k, a += stride) {
    std::int64_t i = 0;
    for (; i + kSingleRows <= n_rows; i += kSingleRows)
      __builtin_memcpy(packed + i * n + k * kSingleRows, a + i, kSingleRows * sizeof(float));
    for (std::int64_t rest = i; rest < n_rows; ++rest) packed[i * n + k * kSingleRows + rest - i] = a[rest];
  }
}

/// Inner elements [k, k + n) of the product.
template <bool kTurned>
RW_INLINE void gemm_part(const Gemm& g, std::int64_t k, std::int64_t n) {
  const std::int64_t n_vecs = g.n_columns / kLanes, rest = g.n_columns % kLanes;
  if constexpr (kTurned) pack_turned(g.a + k * g.a_stride, g.a_stride, g.n_rows, n, g.packed);
  Operands o{kTurned ? g.packed : g.a + k,
             kTurned ? kSingleRows : g.a_stride,
             g.b + k * kLanes,
             g.b_stride,
             kLanes,
             n};
  const std::int64_t a_step = kSingleRows * (kTurned ? n : g.a_stride);
  gemm_block<kTurned>(g.n_rows, n_vecs, a_step, o, g.c, g.c_stride);
  if (rest == 0) return;
  o.b += n_vecs * g.b_stride;
  for (std::int64_t i = 0; i < g.n_rows; i += kSingleRows, o.a += a_step) {  // the last panel's other columns
    float last[kSingleRows * kLanes] = {};                                   // are not c's
    const std::int64_t rows = g.n_rows - i < kSingleRows ? g.n_rows - i : kSingleRows;
    gemm_block<kTurned>(rows, 1, a_step, o, last, kLanes);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* c = g.c + (i + r) * g.c_stride + n_vecs * kLanes;
      for (std::int64_t e = 0; e < rest; ++e) c[e] += last[r * kLanes + e];
    }
  }
}

static void gemm(const Gemm& g) {
  for (std::int64_t k = 0; k < g.n_inner; k += kGemmInner) {
    const std::int64_t n = g.n_inner - k < kGemmInner ? g.n_inner - k : kGemmInner;
    if (g.turned)
      gemm_part<true>(g, k, n);
    else
      gemm_part<false>(g, k, n);
  }
}
