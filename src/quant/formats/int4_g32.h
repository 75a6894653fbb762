// SPDX-License-Identifier: Apache-2.0
/// INT4_G32, of no file: 32 weights in 21 bytes: float d; byte z, at most 15; 16 bytes q as in Q4_0.
/// weight = d * (q - z). What folders of GPTQ, AWQ and compressed-tensors become (formats/packed.h).
struct INT4_G32 {
  static constexpr int kType = -4, kWeights = 32, kBytes = 21, kGroup = 32;
  static constexpr bool kPlain = true, kFloat = true, kSigned = true;
  static constexpr int kLow = -15;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    const Bytes both = load_bytes(block + 5);
    const std::uint8_t zero = block[4] & 15;
    store_bytes(q, (both & 15) - zero);
    store_bytes(q + 16, (both >> 4) - zero);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    return _mm256_add_epi8(nibbles(block + 5), all_bytes(raise - (block[4] & 15)));
  }
#endif
};
