// SPDX-License-Identifier: Apache-2.0
/// Q4_1: 32 weights in 20 bytes: half d, half m; 16 bytes q as in Q4_0. weight = d * q + m.
struct Q4_1 {
  static constexpr int kType = 3, kWeights = 32, kBytes = 20, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = false;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { split_nibbles<16>(block + 4, q); }
#ifdef __AVX2__
  template <int>
  static inline __m256i group(const std::uint8_t* block, int) {
    return nibbles(block + 4);
  }
#endif
#ifdef __AVX512BW__
  static inline void unpack_two(const std::uint8_t* block, std::int8_t* q) {
    _mm512_storeu_si512(q, two_nibbles(block + 4, block + kBytes + 4));
  }
#endif
};
