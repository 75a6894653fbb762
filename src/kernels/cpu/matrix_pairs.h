// SPDX-License-Identifier: Apache-2.0
/// bfloat16 products by bfmmla: two rows of four numbers times two columns of them, sixteen multiply-adds to
/// four sums. Included by isa_neon_bf16.cpp.
// (no include guard: each instruction set compiles its own copy)

/// Operands for one row: bfdot adds a0 * b0 + a1 * b1 for 4 pairs b and one pair a.
struct Pairs {
  using T = std::uint16_t;
  using Row = T;
  using B = Bits;
  static constexpr bool kTiles = false, kWidens = false, kRounded = true;
  static constexpr int kStep = 2, kRows = kPairRows, kVecs = kPairVecs, kPanels = kVecs;
  static constexpr int kBlockRows = kTileRows;
  RW_INLINE B vector(const T* b) { return load_wide<std::uint32_t>(b); }
  RW_INLINE Vec multiply_add(Vec sum, const Row* a, B b) {
    std::uint32_t pair;
    __builtin_memcpy(&pair, a, 4);
    const bfloat16x8_t x = vreinterpretq_bf16_u32(vdupq_n_u32(pair));
    RW_UNROLL for (int i = 0; i < kParts; ++i) sum.part[i] =
        vbfdotq_f32(sum.part[i], x, vreinterpretq_bf16_u32(b.part[i]));
    return sum;
  }
  /// Weights are normal numbers or 0, which bfcvtn rounds as store_bf16 does.
  RW_INLINE void store_weights(T* p, Vec first, Vec second) {
    store_rounded(p, first);
    store_rounded(p + kLanes, second);
  }
  RW_INLINE void store_rounded(T* p, Vec v) {
    RW_UNROLL for (int i = 0; i < kParts; i += 2) {
      const bfloat16x8_t low = vcvtq_low_bf16_f32(v.part[i]);
      vst1q_u16(p + 4 * i, vreinterpretq_u16_bf16(vcvtq_high_bf16_f32(low, v.part[i + 1])));
    }
  }
};

/// Four columns of two rows of sums: each row by itself, or the first two columns of both and then the last
/// two, as bfmmla has them. The one becomes the other by the same exchange.
RW_INLINE void exchange(Vec::Part& a, Vec::Part& b) {
  const float64x2_t first = vreinterpretq_f64_f32(a), second = vreinterpretq_f64_f32(b);
  a = vreinterpretq_f32_f64(vzip1q_f64(first, second));
  b = vreinterpretq_f32_f64(vzip2q_f64(first, second));
}

/// Operands for several rows, two at a time. bfmmla is bfdot twice, one after the other (Arm Architecture
/// Reference Manual, BFMatMulAdd), so that a row has the same bits in a pair of rows and alone.
struct MatrixPairs : Pairs {
  static constexpr bool kTiles = true;

  /// c (2 kTwos, 16) (+)= a b over n elements.
  template <int kTwos, bool kAdd>
  RW_INLINE void block(const T* a, std::int64_t lda, const T* b, std::int64_t ks, float* c, std::int64_t ldc,
                       std::int64_t n) {
    Vec sums[kTwos][2];  // of two rows: exchanged
    RW_UNROLL for (int i = 0; i < kTwos; ++i) RW_UNROLL for (int r = 0; r < 2; ++r) sums[i][r] =
        kAdd ? load(c + (2 * i + r) * ldc) : splat(0.0f);
    exchange_all<kTwos>(sums);
    std::int64_t k = 0;
    for (; k + 4 <= n; k += 4, b += 2 * ks) {
      bfloat16x8_t rows[kTwos];
      RW_UNROLL for (int i = 0; i < kTwos; ++i) {
        const std::uint16_t* row = a + 2 * i * lda + k;
        rows[i] = vreinterpretq_bf16_u16(vcombine_u16(vld1_u16(row), vld1_u16(row + lda)));
      }
      RW_UNROLL for (int part = 0; part < kParts; ++part) {  // four columns: their first pairs, their second
        const uint32x4_t first = vreinterpretq_u32_u16(vld1q_u16(b + 8 * part)),
                         second = vreinterpretq_u32_u16(vld1q_u16(b + ks + 8 * part));
        const bfloat16x8_t low = vreinterpretq_bf16_u32(vzip1q_u32(first, second)),
                           high = vreinterpretq_bf16_u32(vzip2q_u32(first, second));
        RW_UNROLL for (int i = 0; i < kTwos; ++i) {
          sums[i][0].part[part] = vbfmmlaq_f32(sums[i][0].part[part], rows[i], low);
          sums[i][1].part[part] = vbfmmlaq_f32(sums[i][1].part[part], rows[i], high);
        }
        __asm__ volatile("" ::
                             : "memory");  // the next operands are loaded now: earlier, sums would be spilled
      }
    }
    exchange_all<kTwos>(sums);
    if (k < n) {  // one pair is left
      const B last = vector(b);
      RW_UNROLL for (int i = 0; i < kTwos; ++i) RW_UNROLL for (int r = 0; r < 2; ++r) sums[i][r] =
          multiply_add(sums[i][r], a + (2 * i + r) * lda + k, last);
    }
    RW_UNROLL for (int i = 0; i < kTwos; ++i) RW_UNROLL for (int r = 0; r < 2; ++r)
        store(c + (2 * i + r) * ldc, sums[i][r]);
  }

  /// The same for 2 kTwos rows and any number of vectors.
  template <int kTwos, bool kAdd>
  RW_INLINE void blocks(std::int64_t n_vecs, const T* a, std::int64_t lda, const T* b, std::int64_t zs,
                        std::int64_t ks, float* c, std::int64_t ldc, std::int64_t n) {
    for (std::int64_t z = 0; z < n_vecs; ++z) block<kTwos, kAdd>(a, lda, b + z * zs, ks, c + 16 * z, ldc, n);
  }

  template <bool kAdd>
  RW_INLINE void in_tiles(std::int64_t n_rows, std::int64_t n_vecs, const T* a, std::int64_t lda, const T* b,
                          std::int64_t zs, std::int64_t ks, float* c, std::int64_t ldc, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + 6 <= n_rows; i += 6) blocks<3, kAdd>(n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
    if (i + 4 <= n_rows) {
      blocks<2, kAdd>(n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
      i += 4;
    }
    if (i + 2 <= n_rows) {
      blocks<1, kAdd>(n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
      i += 2;
    }
    if (i < n_rows) row_block<Pairs, 1>(kAdd, n_vecs, a + i * lda, lda, b, zs, ks, c + i * ldc, ldc, n);
  }

 private:
  template <int kTwos>
  RW_INLINE void exchange_all(Vec (&sums)[kTwos][2]) {
    RW_UNROLL for (int i = 0; i < kTwos; ++i) RW_UNROLL for (int part = 0; part < kParts; ++part)
        exchange(sums[i][0].part[part], sums[i][1].part[part]);
  }
};
