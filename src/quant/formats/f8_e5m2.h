// SPDX-License-Identifier: Apache-2.0
/// F8_E5M2 of safetensors: the upper byte of an IEEE binary16. Source: as F8_E4M3.
struct F8_E5M2 {
  static constexpr int kType = -2, kWeights = 1, kBytes = 1, kGroup = 0;
  static inline void widen(const std::uint8_t* from, std::int64_t n, float* out) {
    std::int64_t i = 0;
#ifdef __F16C__
    for (; i + 8 <= n; i += 8) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i));
      _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_unpacklo_epi8(_mm_setzero_si128(), bytes)));
    }
#endif
    for (; i < n; ++i) {
      const std::uint8_t half[2] = {0, from[i]};
      out[i] = half_at(half);
    }
  }
};
