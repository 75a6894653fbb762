// SPDX-License-Identifier: Apache-2.0
/// Sums of four products of bytes, by what the instruction set has: vpdpbusd (AVX-VNNI, and AVX-512's, which
/// in 32 bytes is another encoding of the same), or vpmaddubsw and vpmaddwd; sdot (ARM's dotprod), or smull
/// and additions of neighbours. Whole numbers: all give the same.
// (no include guard: each instruction set compiles its own copy)

#if defined(__ARM_FEATURE_DOTPROD)
/// w x in 4 lanes, each of four.
RW_INLINE int32x4_t quads(int8x16_t w, int8x16_t x) { return vdotq_s32(vdupq_n_s32(0), w, x); }
#elif defined(RW_NEON)
RW_INLINE int32x4_t quads(int8x16_t w, int8x16_t x) {
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
  return vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
}
#elif defined(__AVXVNNI__) || (defined(__AVX512VNNI__) && defined(__AVX512VL__))
/// What signed weights, none below `low`, are raised by for quads: vpdpbusd reads them unsigned.
constexpr int raise_of(int) { return 128; }

/// w x in 8 lanes, each of four; w are given raised. balance (8): -128 * the sums of four x.
template <bool kSigned, int raise>
RW_INLINE __m256i quads(__m256i w, __m256i x, const std::int32_t* balance) {
  static_assert(raise == (kSigned ? 128 : 0));
  const __m256i sum =
      kSigned ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(balance)) : _mm256_setzero_si256();
  return _mm256_dpbusd_epi32(sum, w, x);
}
#else
/// What signed weights, none below `low`, are raised by for quads: those of few bits, so that none is
/// negative.
constexpr int raise_of(int low) { return low >= -32 ? -low : 0; }

/// w x in 8 lanes, each of four; w are given raised. |w| <= 128 and |x| <= 127: pairs stay below 2^15, where
/// vpmaddubsw would cut them.
template <bool kSigned, int raise>
RW_INLINE __m256i quads(__m256i w, __m256i x, const std::int32_t*) {
  __m256i pairs;
  if constexpr (!kSigned)
    pairs = _mm256_maddubs_epi16(w, x);
  else if constexpr (raise != 0)
    pairs = _mm256_sub_epi16(_mm256_maddubs_epi16(w, x), _mm256_maddubs_epi16(all_bytes(raise), x));
  else
    pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif
