// SPDX-License-Identifier: Apache-2.0
/// Q5_0: 32 weights in 22 bytes: half d; 32 high bits (bit i is weight i's); 16 bytes q as in Q4_0.
/// weight = d * (q + 16 * high - 16).
struct Q5_0 {
  static constexpr int kType = 6, kWeights = 32, kBytes = 22, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static constexpr int kLow = -16;
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    const __m256i bits = bits_to_bytes(u32_at(block + 2));
    const __m256i high = _mm256_add_epi8(_mm256_and_si256(bits, all_bytes(16)), all_bytes(raise + kLow));
    return _mm256_or_si256(nibbles(block + 6), high);
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<Q5_0>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    const std::uint32_t high = u32_at(block + 2);
    const Bytes both = load_bytes(block + 6);
    store_bytes(q, ((both & 15) | bits_to_bytes(high, 16)) - 16);
    store_bytes(q + 16, ((both >> 4) | bits_to_bytes(high >> 16, 16)) - 16);
  }
#endif
};
