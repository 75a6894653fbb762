// SPDX-License-Identifier: Apache-2.0
/// Q1_0: 128 weights in 18 bytes: half d; 16 bytes of bits, bit i % 8 of byte i / 8. weight = bit ? d : -d.
struct Q1_0 {
  static constexpr int kType = 41, kWeights = 128, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    same_scales<4>(half_at(block), scale);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    return plus<raise - 1>(_mm256_and_si256(bits_to_bytes(u32_at(block + 2 + 4 * g)), all_bytes(2)));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<Q1_0>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int i = 0; i < 8; ++i) store_bytes(q + 16 * i, bits_to_bytes(u16_at(block + 2 + 2 * i), 2) - 1);
  }
#endif
};
