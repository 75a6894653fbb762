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
#pragma GCC unroll 4  // 1.4 % of attention with AVX2
  for (std::int64_t k = 0; k < n / Op::kStep; ++k) {
    typename Op::B vectors[NZ];
    RW_UNROLL for (int z = 0; z < NZ; ++z) vectors[z] = Op::vector(b + k * ks + z * zs);
    RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z) sums[i][z] =
        Op::multiply_add(sums[i][z], a + i * lda + k * Op::kStep, vectors[z]);
  }
  RW_UNROLL for (int i = 0; i < MR; ++i) RW_UNROLL for (int z = 0; z < NZ; ++z)
      store(c + i * ldc + 16 * z, sums[i][z]);
}

/// Vectors of b that MR rows take at once: few rows take more of them, since one sum alone would wait for
/// itself.
template <class Op, int MR>
constexpr int kVecsOf = Op::kRows* Op::kVecs / MR < 4 ? Op::kRows* Op::kVecs / MR : 4;

/// The same for MR rows and any number of vectors.
template <class Op, int MR>
RW_INLINE void row_block(bool add, std::int64_t n_vecs, const typename Op::Row* a, std::int64_t lda,
                         const typename Op::T* b, std::int64_t zs, std::int64_t ks, float* c,
                         std::int64_t ldc, std::int64_t n) {
  constexpr int kVecs = kVecsOf<Op, MR>;
  std::int64_t z = 0;
  for (; z + kVecs <= n_vecs; z += kVecs)
    micro<Op, MR, kVecs>(add, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, n);
  // The last ones together (head_dim 80, 96, 112): one alone would wait for its sums.
  if constexpr (kVecs > 3)
    if (z + 3 == n_vecs) return micro<Op, MR, 3>(add, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, n);
  if constexpr (kVecs > 2)
    if (z + 2 == n_vecs) return micro<Op, MR, 2>(add, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, n);
  if (z < n_vecs) micro<Op, MR, 1>(add, a, lda, b + z * zs, zs, ks, c + 16 * z, ldc, n);
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

/// One of both.
template <class Op, int MR>
RW_INLINE void some_rows(bool add, std::int64_t n_vecs, const typename Op::T* a, std::int64_t lda,
                         const typename Op::T* b, std::int64_t zs, std::int64_t ks, float* c,
                         std::int64_t ldc, std::int64_t n) {
  if constexpr (Op::kWidens)
    widened_block<Op, MR>(add, n_vecs, a, lda, b, zs, ks, c, ldc, n);
  else
    row_block<Op, MR>(add, n_vecs, a, lda, b, zs, ks, c, ldc, n);
}

/// The same for any number of rows; those that are left over share what is loaded of b, too (a token that is
/// written has a row for each head of a group).
template <class Op, bool kAdd>
RW_INLINE void in_registers(std::int64_t n_rows, std::int64_t n_vecs, const typename Op::T* a,
                            std::int64_t lda, const typename Op::T* b, std::int64_t zs, std::int64_t ks,
                            float* c, std::int64_t ldc, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + Op::kRows <= n_rows; i += Op::kRows)
    some_rows<Op, Op::kRows>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
  if constexpr (Op::kRows > 4)
    for (; i + 4 <= n_rows; i += 4)
      some_rows<Op, 4>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
  a += i * lda, c += i * ldc;
  if constexpr (Op::kRows > 3)
    if (n_rows - i == 3) return some_rows<Op, 3>(kAdd, n_vecs, a, lda, b, zs, ks, c, ldc, n);
  if constexpr (Op::kRows > 2)
    if (n_rows - i == 2) return some_rows<Op, 2>(kAdd, n_vecs, a, lda, b, zs, ks, c, ldc, n);
  if (i < n_rows) some_rows<Op, 1>(kAdd, n_vecs, a, lda, b, zs, ks, c, ldc, n);
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

#include "kernels/cpu/attention_tile.h"

// ---------------------------------------------------------------- products

/// y (n_rows, width at y_stride) (+)= c (n_rows, stride), with o's bias, scaled. What y held is added to
/// whole sums, not each product to it: sums of small numbers would be rounded as the residual stream's large
/// ones are.
RW_INLINE void put_block(const Product& p, const float* c, std::int64_t stride, std::int64_t n_rows,
                         std::int64_t o, std::int64_t width, float* y) {
  for (std::int64_t r = 0; r < n_rows; ++r, c += stride, y += p.y_stride)
    for (std::int64_t e = 0; e < width; e += kLanes) {
      const std::int64_t n = width - e;
      Vec sum = load(c + e);
      if (p.bias != nullptr) sum = sum + load_some(p.bias + o + e, n);
      sum = sum * splat(p.scale);
      if (p.add) sum = sum + load_some(y + e, n);
      store_some(y + e, sum, n);
    }
}

/// NZ panels for all rows: straight into y, or through a small buffer where something is added or the last
/// panel holds fewer than 16 outputs (its other columns are not y's).
template <class Op, int NZ>
RW_INLINE void panels(const Product& p, std::int64_t panel) {
  const std::int64_t size = p.n_in * 16;
  const auto* w = static_cast<const typename Op::T*>(p.w) + panel * size;
  const auto* x = static_cast<const typename Op::T*>(p.x);
  const std::int64_t o = panel * 16, width = p.n_out - o < NZ * 16 ? p.n_out - o : NZ * 16;
  float* y = p.y + o;
  if (p.bias == nullptr && !p.add && p.scale == 1 && width == NZ * 16) {
    multiply<Op, false>(p.n_rows, NZ, x, p.x_stride, w, size, 16 * Op::kStep, y, p.y_stride, p.n_in);
    return;
  }
  for (std::int64_t i = 0; i < p.n_rows; i += Op::kRows) {
    const std::int64_t rows = p.n_rows - i < Op::kRows ? p.n_rows - i : Op::kRows;
    float c[Op::kRows * NZ * 16];
    multiply<Op, false>(rows, NZ, x + i * p.x_stride, p.x_stride, w, size, 16 * Op::kStep, c, NZ * 16,
                        p.n_in);
    put_block(p, c, NZ * 16, rows, o, width, y + i * p.y_stride);
  }
}

template <class Op>
static void product(const Product& p) {
  std::int64_t panel = p.panel_begin;
  for (; panel + Op::kPanels <= p.panel_end; panel += Op::kPanels) panels<Op, Op::kPanels>(p, panel);
  for (; panel < p.panel_end; ++panel) panels<Op, 1>(p, panel);
}

#include "kernels/cpu/activations.h"
#include "kernels/cpu/recurrence_tile.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/training_kernels.h"
