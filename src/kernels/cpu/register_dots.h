// SPDX-License-Identifier: Apache-2.0
/// <weights, x> for one row of x, with AVX2 and all that has it: weights go from their file's bytes to the
/// sums in registers. Storing them unpacked, and loading them again, pays only where several rows of x share
/// what was unpacked.
// (no include guard: each instruction set compiles its own copy)

template <class F>
concept InRegisters = requires(const std::uint8_t* block) {
  F::template group<0>(block, 0);
};

/// The first 4 bytes, d and m, of blocks [b, b + 8) of a row of n_blocks; zeros beyond the row.
template <class F>
RW_INLINE __m256i eight_halves(const std::uint8_t* row, std::int64_t b, std::int64_t n_blocks) {
  if (n_blocks < 8) {
    std::uint32_t halves[8] = {};
    for (std::int64_t i = 0; i < n_blocks; ++i) halves[i] = u32_at(row + i * F::kBytes);
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves));
  }
  const std::int64_t missing = b + 8 > n_blocks ? b + 8 - n_blocks : 0;
  const std::uint8_t* p = row + (b - missing) * F::kBytes;
  const auto at = [p](int i) { return static_cast<int>(u32_at(p + i * F::kBytes)); };
  const __m256i halves = _mm256_setr_epi32(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
  if (missing == 0) return halves;
  const __m256i from = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                        _mm256_set1_epi32(static_cast<int>(missing)));
  return _mm256_and_si256(_mm256_permutevar8x32_epi32(halves, from),
                          _mm256_cmpgt_epi32(_mm256_set1_epi32(8), from));
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

/// scale (n_groups, and zeros to a whole vector) = the weights' scales times those of x; returns what the
/// minima add, before the lanes are added.
template <class F>
RW_INLINE Halves row_scales(const std::uint8_t* row, const QuantisedRow& x, std::int64_t first,
                            std::int64_t n_groups, float* scale) {
  const float *x_scale = x.scale[1] + first, *x_sum = x.sum[1] + first;
  Halves sum = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  if constexpr (F::kPlain) {
    const __m256i halves_apart = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1,
                                                  4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    for (std::int64_t g = 0; g < n_groups; g += kLanes) RW_UNROLL for (int half = 0; half < 2; ++half) {
        const std::int64_t at = g + 8 * half;
        if (at >= n_groups) break;
        const __m256i both = _mm256_permute4x64_epi64(
            _mm256_shuffle_epi8(eight_halves<F>(row, at, n_groups), halves_apart), 0xd8);
        _mm256_storeu_ps(scale + at, _mm256_mul_ps(_mm256_cvtph_ps(_mm256_castsi256_si128(both)),
                                                   _mm256_loadu_ps(x_scale + at)));
        if constexpr (!F::kSigned)
          sum.half[half] = _mm256_fmadd_ps(_mm256_cvtph_ps(_mm256_extracti128_si256(both, 1)),
                                           _mm256_loadu_ps(x_sum + at), sum.half[half]);
      }
  } else {
    constexpr int kGroups = F::kWeights / 32;
    float minimum[kQuantPart / 32 + kLanes];
    for (std::int64_t b = 0; b < n_groups / kGroups; ++b)
      F::scales(row + b * F::kBytes, scale + b * kGroups, minimum + b * kGroups);
    store(scale + n_groups, splat(0.0f)), store(minimum + n_groups, splat(0.0f));
    for (std::int64_t g = 0; g < n_groups; g += kLanes) RW_UNROLL for (int half = 0; half < 2; ++half) {
        const std::int64_t at = g + 8 * half;
        _mm256_storeu_ps(scale + at,
                         _mm256_mul_ps(_mm256_loadu_ps(scale + at), _mm256_loadu_ps(x_scale + at)));
        if constexpr (!F::kSigned)
          sum.half[half] =
              _mm256_fmadd_ps(_mm256_loadu_ps(minimum + at), _mm256_loadu_ps(x_sum + at), sum.half[half]);
      }
  }
  return sum;
}

/// sum + scale * (the sums of four products of group g of a block and inputs [at, at + 32) of x).
template <class F>
RW_INLINE __m256 add_group(__m256 sum, const std::uint8_t* block, int g, const QuantisedRow& x,
                           std::int64_t at, const float* scale) {
  constexpr int raise = F::kSigned ? kRaise : 0;
  const __m256i w = F::template group<raise>(block, g),
                q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x.q + at));
  const __m256i sums = quads<F::kSigned>(w, q, x.balance + at / 4);
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), _mm256_broadcast_ss(scale), sum);
}

/// As quantised_part, to the bit, from the bytes of a row at input `at`.
template <class F>
RW_INLINE Vec register_part(const std::uint8_t* row, const QuantisedRow& x, std::int64_t at, std::int64_t n) {
  constexpr int kGroups = F::kWeights / 32, kTogether = kGroups == 1 ? 2 : kGroups;
  const std::int64_t n_groups = n / 32;
  float scale[kQuantPart / 32 + kLanes];
  Halves sum = row_scales<F>(row, x, at / 32, n_groups, scale);
  __m256 &even = sum.half[0], &odd = sum.half[1];
  std::int64_t g = 0;
  for (; g + kTogether <= n_groups; g += kTogether) {
    const std::uint8_t* block = row + g / kGroups * F::kBytes;
    for (int line = 0; line < kTogether / kGroups * F::kBytes; line += 64)
      __builtin_prefetch(block + kAhead + line);
    RW_UNROLL for (int i = 0; i < kTogether; i += 2) {
      even = add_group<F>(even, block + i / kGroups * F::kBytes, i % kGroups, x, at + 32 * (g + i),
                          scale + g + i);
      odd = add_group<F>(odd, block + (i + 1) / kGroups * F::kBytes, (i + 1) % kGroups, x,
                         at + 32 * (g + i + 1), scale + g + i + 1);
    }
  }
  if (g < n_groups) even = add_group<F>(even, row + g * F::kBytes, 0, x, at + 32 * g, scale + g);
  return joined(sum);
}
