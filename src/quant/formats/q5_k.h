// SPDX-License-Identifier: Apache-2.0
/// Q5_K: 256 weights in 176 bytes: half d, half dmin; 12 bytes of scales as in Q4_K; 32 bytes of high bits
/// (bit j of byte i: weight i of group j of 32); 128 bytes q as in Q4_K. weight = d * scale * (q + 16 * high)
/// - dmin * min.
struct Q5_K {
  static constexpr int kType = 13, kWeights = 256, kBytes = 176, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = false;
  static inline void scales(const std::uint8_t* block, float* scale, float* minimum) {
    scales_and_minima(block + 4, half_at(block), half_at(block + 2), scale, minimum);
  }
#ifdef __AVX2__
  template <int>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 48 + g / 2 * 32)),
                  bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 16));
    const __m256i low = g % 2 == 0 ? both : _mm256_srli_epi16(both, 4),
                  high = g < 4 ? _mm256_slli_epi16(bits, 4 - g) : _mm256_srli_epi16(bits, g - 4);
    return _mm256_or_si256(_mm256_and_si256(low, all_bytes(15)), _mm256_and_si256(high, all_bytes(16)));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<Q5_K>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 4; ++part)
      for (int i = 0; i < 32; i += 16) {
        const Bytes both = load_bytes(block + 48 + 32 * part + i);
        const Bytes high = load_bytes(block + 16 + i) >> 2 * part;
        store_bytes(q + 64 * part + i, (both & 15) | (high & 1) << 4);
        store_bytes(q + 64 * part + 32 + i, both >> 4 | (high & 2) << 3);
      }
  }
#endif
};
