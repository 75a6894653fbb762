// SPDX-License-Identifier: Apache-2.0
/// F8_E4M3 of safetensors: a sign, 4 bits of exponent (bias 7), 3 of mantissa; no infinities, 0x7f and 0xff
/// are NaN. Source: Micikevicius et al., FP8 Formats for Deep Learning (2022); torch.float8_e4m3fn.
struct F8_E4M3 {
  static constexpr int kType = -1, kWeights = 1, kBytes = 1, kGroup = 0;
  static inline void widen(const std::uint8_t* from, std::int64_t n, float* out) {
    widen_scaled(from, n, 1.0f, out);
  }
  /// out = scale times the numbers, rounded once.
  static inline void widen_scaled(const std::uint8_t* from, std::int64_t n, float scale, float* out) {
    std::int64_t i = 0;
#ifdef __F16C__
    // As halves, whose bias is 15, they are 2^-8 of what they are.
    const __m128i sizes = _mm_set1_epi16(0x7f), nan = _mm_set1_epi16(0x7e00);
    for (; i + 8 <= n; i += 8) {
      const __m128i bytes = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i)));
      const __m128i size = _mm_and_si128(bytes, sizes);
      const __m128i odd = _mm_and_si128(_mm_cmpeq_epi16(size, sizes), nan);
      const __m128i sign = _mm_slli_epi16(_mm_andnot_si128(sizes, bytes), 8);
      const __m256 v = _mm256_cvtph_ps(_mm_or_si128(_mm_or_si128(_mm_slli_epi16(size, 7), sign), odd));
      _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_set1_ps(scale), _mm256_mul_ps(v, _mm256_set1_ps(256))));
    }
#endif
    for (; i < n; ++i) out[i] = scale * value(from[i]);
  }
  static inline float value(std::uint32_t byte) {
    const std::uint32_t size = byte & 0x7fu, sign = (byte & 0x80u) << 24;
    if (size == 0x7fu) return float_of(sign | 0x7fc00000u);
    if (size < 8) return float_of(sign | 0x3f800000u) * (static_cast<float>(size) * 0x1p-9f);
    return float_of(sign | ((size << 20) + (120u << 23)));
  }
};
