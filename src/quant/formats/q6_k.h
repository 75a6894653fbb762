// SPDX-License-Identifier: Apache-2.0
/// Q6_K: 256 weights in 210 bytes: 128 bytes low 4 bits, 64 bytes high 2 bits, 16 signed scales, half d. In
/// each half of 128: low byte i of 64 holds weight i and i + 64; high byte i of 32 holds i, i + 32, i + 64, i
/// + 96. weight = d * scale * (q - 32).
struct Q6_K {
  static constexpr int kType = 14, kWeights = 256, kBytes = 210, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -32;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block + 208);
#ifdef __AVX2__
    for (int j = 0; j < 16; j += 8) {
      const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(block + 192 + j));
      _mm256_storeu_ps(scale + j,
                       _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight))));
    }
#else
    for (int j = 0; j < 16; ++j) scale[j] = d * static_cast<float>(static_cast<std::int8_t>(block[192 + j]));
#endif
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const int part = g % 4;  // of a half
    const std::uint8_t *low_at = block + g / 4 * 64 + g % 2 * 32, *high_at = block + 128 + g / 4 * 32;
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low_at)),
                  pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high_at));
    const __m256i low = part < 2 ? both : _mm256_srli_epi16(both, 4),
                  high = part < 2 ? _mm256_slli_epi16(pairs, 4 - 2 * part)
                                  : _mm256_srli_epi16(pairs, 2 * part - 4);
    const __m256i q =
        _mm256_or_si256(_mm256_and_si256(low, all_bytes(15)), _mm256_and_si256(high, all_bytes(0x30)));
    return raise + kLow == 0 ? q : _mm256_add_epi8(q, all_bytes(raise + kLow));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<Q6_K>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 8; ++part)
      for (int i = 0; i < 32; i += 16) {
        const Bytes low = load_bytes(block + part / 4 * 64 + part % 2 * 32 + i) >> part % 4 / 2 * 4 & 15;
        const Bytes high = load_bytes(block + 128 + part / 4 * 32 + i) >> 2 * (part % 4) & 3;
        store_bytes(q + 32 * part + i, (low | high << 4) - 32);
      }
  }
#endif
};
