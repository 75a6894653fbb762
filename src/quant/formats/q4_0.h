// SPDX-License-Identifier: Apache-2.0
/// Q4_0: 32 weights in 18 bytes: half d; 16 bytes q. Byte i holds weight i (low 4 bits) and i + 16 (high).
/// weight = d * (q - 8).
struct Q4_0 {
  static constexpr int kType = 2, kWeights = 32, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static constexpr int kLow = -8;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    const Bytes both = load_bytes(block + 2);
    store_bytes(q, (both & 15) - 8);
    store_bytes(q + 16, (both >> 4) - 8);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    return _mm256_add_epi8(nibbles(block + 2), all_bytes(raise + kLow));
  }
#endif
#ifdef __AVX512BW__
  static inline void unpack_two(const std::uint8_t* block, std::int8_t* q) {
    _mm512_storeu_si512(q, _mm512_sub_epi8(two_nibbles(block + 2, block + kBytes + 2), _mm512_set1_epi8(8)));
  }
#endif
};
