// SPDX-License-Identifier: Apache-2.0
/// Q2_0: 64 weights in 18 bytes: half d; 16 bytes of 2-bit q, weight i in bits 2 (i % 4) of byte i / 4.
/// weight = d * (q - 1). (The fork that it comes from has blocks of 128 under the same id: PQ2_0.)
struct Q2_0 {
  static constexpr int kType = 42, kWeights = 64, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    same_scales<2>(half_at(block), scale);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const __m256i q = two_bits(block + 2 + 8 * g);
    return raise == 1 ? q : _mm256_add_epi8(q, all_bytes(raise - 1));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<Q2_0>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int i = 0; i < 4; ++i) store_bytes(q + 16 * i, two_bits(u32_at(block + 2 + 4 * i)) - 1);
  }
#endif
};
