// SPDX-License-Identifier: Apache-2.0
/// F16: IEEE binary16.
struct F16 {
  static constexpr int kType = 1, kWeights = 1, kBytes = 2, kGroup = 0;
  static inline void widen(const std::uint8_t* from, std::int64_t n, float* out) {
    std::int64_t i = 0;
#ifdef __F16C__
    for (; i + 8 <= n; i += 8)
      _mm256_storeu_ps(out + i,
                       _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 2 * i))));
#elif defined(RW_NEON)
    for (; i + 4 <= n; i += 4) vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(from + 2 * i))));
#endif
    for (; i < n; ++i) out[i] = half_at(from + 2 * i);
  }
};
