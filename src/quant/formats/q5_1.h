// SPDX-License-Identifier: Apache-2.0
/// Q5_1: 32 weights in 24 bytes: half d, half m; 32 high bits; 16 bytes q. weight = d * (q + 16 * high) + m.
struct Q5_1 {
  static constexpr int kType = 7, kWeights = 32, kBytes = 24, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = false;
#ifdef __AVX2__
  template <int>
  static inline __m256i group(const std::uint8_t* block, int) {
    return _mm256_or_si256(nibbles(block + 8),
                           _mm256_and_si256(bits_to_bytes(u32_at(block + 4)), all_bytes(16)));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<Q5_1>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    const std::uint32_t high = u32_at(block + 4);
    const Bytes both = load_bytes(block + 8);
    store_bytes(q, (both & 15) | bits_to_bytes(high, 16));
    store_bytes(q + 16, (both >> 4) | bits_to_bytes(high >> 16, 16));
  }
#endif
};
