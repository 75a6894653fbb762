// SPDX-License-Identifier: Apache-2.0
/// <weights, x> for one row of x, with AVX2 and all that has it: weights go from their file's bytes to the
/// sums in registers. Storing them unpacked, and loading them again, pays only where several rows of x share
/// what was unpacked.
// (no include guard: each instruction set compiles its own copy)

template <class F>
concept InRegisters = requires(const std::uint8_t* block) {
  F::template group<0>(block, 0);
};

/// The first 4 bytes of blocks [b, b + 8) of a row of n_blocks; beyond the row zeros, or an exponent of 127:
/// scales there are not used, but subnormal ones would take their time.
template <class F>
RW_INLINE __m256i first_fours(const std::uint8_t* row, std::int64_t b, std::int64_t n_blocks) {
  constexpr std::uint32_t kNone = requires { F::kExponent; }
  ? 127 : 0;
  if (n_blocks < 8) {
    std::uint32_t fours[8];
    for (std::int64_t i = 0; i < 8; ++i) fours[i] = i < n_blocks ? u32_at(row + i * F::kBytes) : kNone;
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(fours));
  }
  const std::int64_t missing = b + 8 > n_blocks ? b + 8 - n_blocks : 0;
  const std::uint8_t* p = row + (b - missing) * F::kBytes;
  // (Of _mm256_setr_epi32 GCC 12 makes loads here, and there, in a larger function, shifts and a store: a
  // third of a token's time.)
  const auto two = [p](int i) __attribute__((always_inline)) {
    return _mm_unpacklo_epi32(_mm_loadu_si32(p + i * F::kBytes), _mm_loadu_si32(p + (i + 1) * F::kBytes));
  };
  const __m256i fours = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi64(two(0), two(2))),
                                                _mm_unpacklo_epi64(two(4), two(6)), 1);
  if (missing == 0) return fours;
  const __m256i from = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                        _mm256_set1_epi32(static_cast<int>(missing)));
  const __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32(8), from);
  return _mm256_blendv_epi8(_mm256_set1_epi32(kNone), _mm256_permutevar8x32_epi32(fours, from), there);
}

/// Groups of weights whose scales are read at once: those of a block, and 8 at least.
template <class F>
constexpr int kScalesAtOnce = F::kPlain || F::kWeights / F::kGroup < 8 ? 8 : F::kWeights / F::kGroup;

/// factors, minima (kScalesAtOnce) of groups [at, at + kScalesAtOnce) of a row of n_groups, of a format that
/// is not plain; zeros beyond the row.
template <class F>
RW_INLINE void some_scales(const std::uint8_t* row, std::int64_t at, std::int64_t n_groups, float* factors,
                           float* minima) {
  constexpr int kScales = F::kWeights / F::kGroup;
  RW_UNROLL for (int i = 0; i < kScalesAtOnce<F>; i += kScales) {
    if (kScales >= 8 || at + i < n_groups)
      F::scales(row + (at + i) / kScales * F::kBytes, factors + i, minima + i);
    else
      for (int k = 0; k < kScales; ++k) factors[i + k] = 0;
  }
}

/// Lanes 0 to 7 of a vector, and 8 to 15. (Wider registers do not pay: weights come in 32 bytes.)
struct Halves {
  __m256 half[2];
};
RW_INLINE Vec joined(Halves h) {
#ifdef __AVX512F__
  return {{reinterpret_cast<Vec::Part>(_mm512_insertf32x8(_mm512_castps256_ps512(h.half[0]), h.half[1], 1))}};
#else
  return {{reinterpret_cast<Vec::Part>(h.half[0]), reinterpret_cast<Vec::Part>(h.half[1])}};
#endif
}

/// scale (n_groups, rounded up to 8) = the weights' scales times those of x; returns what the minima add,
/// before the lanes are added.
template <class F>
RW_INLINE Halves row_scales(const std::uint8_t* row, const QuantisedRow& x, std::int64_t first,
                            std::int64_t n_groups, float* scale) {
  constexpr int kSize = F::kGroup / 32;  // index of the group's size in x
  const float *x_scale = x.scale[kSize] + first, *x_sum = x.sum[kSize] + first;
  Halves sum = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  if constexpr (F::kPlain) {
    for (std::int64_t g = 0; g < n_groups; g += kLanes) RW_UNROLL for (int half = 0; half < 2; ++half) {
        const std::int64_t at = g + 8 * half;
        if (at >= n_groups) break;
        const __m256i fours = first_fours<F>(row, at, n_groups);
        _mm256_storeu_ps(scale + at, _mm256_mul_ps(first_scales<F>(fours), _mm256_loadu_ps(x_scale + at)));
        if constexpr (!F::kSigned)
          sum.half[half] =
              _mm256_fmadd_ps(eight_halves_of<1>(fours), _mm256_loadu_ps(x_sum + at), sum.half[half]);
      }
  } else {
    constexpr int kEach = kScalesAtOnce<F>;
    static_assert(F::kSigned || kEach == F::kWeights / F::kGroup);  // a block's minima are half a vector
    for (std::int64_t g = 0; g < n_groups; g += 2 * kEach) RW_UNROLL for (int half = 0; half < 2; ++half) {
        const std::int64_t at = g + half * kEach;
        if (at >= n_groups) break;
        float factors[kEach], minima[kEach];
        some_scales<F>(row, at, n_groups, factors, minima);
        RW_UNROLL for (int i = 0; i < kEach; i += 8) _mm256_storeu_ps(
            scale + at + i, _mm256_mul_ps(_mm256_loadu_ps(factors + i), _mm256_loadu_ps(x_scale + at + i)));
        if constexpr (!F::kSigned)
          sum.half[half] =
              _mm256_fmadd_ps(_mm256_loadu_ps(minima), _mm256_loadu_ps(x_sum + at), sum.half[half]);
      }
  }
  return sum;
}

/// sum + scale * (the sums of four products of group g of a block and inputs [at, at + 32) of x); one scale
/// or two.
template <class F>
RW_INLINE __m256 add_group(__m256 sum, const std::uint8_t* block, int g, const QuantisedRow& x,
                           std::int64_t at, const float* scale) {
  constexpr int raise = [] {
    if constexpr (F::kSigned) return raise_of(F::kLow);
    return 0;
  }();
  const __m256i w = F::template group<raise>(block, g),
                q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x.q + at));
  const __m256i sums = quads<F::kSigned, raise>(w, q, x.balance + at / 4);
  if constexpr (F::kGroup == 32)
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_broadcast_ss(scale), sum);
  const __m256 two = _mm256_castpd_ps(_mm256_broadcast_sd(reinterpret_cast<const double*>(scale)));
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums),
                         _mm256_permutevar_ps(two, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1)), sum);
}

/// Rows of weights that share what is loaded of x, and wait for their sums at the same time. In 16 registers,
/// several rows of blocks of 256 weights lose more than they win.
#ifdef __AVX512F__
template <class F>
constexpr int kRowsTogether = 4;
#else
template <class F>
constexpr int kRowsTogether = F::kWeights == 32 ? 4 : 1;
#endif

/// As quantised_part, to the bit, from the bytes of rows at input `at`: rows and sums (kRowsTogether).
template <class F>
RW_INLINE void register_parts(const std::uint8_t* const* rows, const QuantisedRow& x, std::int64_t at,
                              std::int64_t n, std::int64_t ahead, Vec* sums) {
  constexpr int kRows = kRowsTogether<F>, kEach = 32 / F::kGroup;  // scales of 32 weights
  constexpr int kInBlock = F::kWeights / 32, kTogether = kInBlock == 1 ? 2 : kInBlock;
  const std::int64_t n_steps = n / 32;
  float scale[kRows][kQuantPart / F::kGroup + kLanes];
  Halves sum[kRows];
  RW_UNROLL for (int r = 0; r < kRows; ++r) sum[r] =
      row_scales<F>(rows[r], x, at / F::kGroup, n / F::kGroup, scale[r]);
  const std::uint8_t* block[kRows];  // where `step` begins: whole blocks are taken together
  RW_UNROLL for (int r = 0; r < kRows; ++r) block[r] = rows[r];
  const auto add = [&](std::int64_t step, int i) __attribute__((always_inline)) {
    RW_UNROLL for (int r = 0; r < kRows; ++r) sum[r].half[i % 2] =
        add_group<F>(sum[r].half[i % 2], block[r] + i / kInBlock * F::kBytes, i % kInBlock, x,
                     at + 32 * (step + i), scale[r] + kEach * (step + i));
  };
  std::int64_t step = 0;
  for (; step + kTogether <= n_steps; step += kTogether) {
    constexpr int kBytes = kTogether / kInBlock * F::kBytes;
    RW_UNROLL for (int r = 0; r < kRows; ++r) for (int line = 0; line < kBytes; line += 64)
        __builtin_prefetch(block[r] + ahead + line);
    RW_UNROLL for (int i = 0; i < kTogether; ++i) add(step, i);
    RW_UNROLL for (int r = 0; r < kRows; ++r) block[r] += kBytes;
  }
  RW_UNROLL for (int i = 0; i + 1 < kTogether; ++i) if (step + i < n_steps) add(step, i);
  RW_UNROLL for (int r = 0; r < kRows; ++r) sums[r] = joined(sum[r]);
}
