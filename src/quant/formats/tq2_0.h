// SPDX-License-Identifier: Apache-2.0
/// TQ2_0: 256 weights in 66 bytes: 64 bytes of 2-bit q; half d. In each half of 128 weights, byte i of 32
/// holds weights i, i+32, i+64, i+96. weight = d * (q - 1).
struct TQ2_0 {
  static constexpr int kType = 35, kWeights = 256, kBytes = 66, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    same_scales<8>(half_at(block + 64), scale);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + g / 4 * 32));
    return plus<raise - 1>(_mm256_and_si256(_mm256_srli_epi16(pairs, 2 * (g % 4)), all_bytes(3)));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<TQ2_0>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 8; ++part)
      for (int i = 0; i < 32; i += 16)
        store_bytes(q + 32 * part + i, (load_bytes(block + part / 4 * 32 + i) >> 2 * (part % 4) & 3) - 1);
  }
#endif
};
