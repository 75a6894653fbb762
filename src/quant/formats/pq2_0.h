// SPDX-License-Identifier: Apache-2.0
/// PQ2_0: 128 weights in 34 bytes, else as Q2_0: of the fork that Q2_0 comes from (PrismML's llama.cpp),
/// which wrote it under Q2_0's id, 42, before it had one of its own. Which of the two a file with 42 has is
/// told by where its tensors lie (formats/gguf.cpp).
struct PQ2_0 {
  static constexpr int kType = 142, kWeights = 128, kBytes = 34, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -1;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    same_scales<4>(half_at(block), scale);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const __m256i q = two_bits(block + 2 + 8 * g);
    return raise == 1 ? q : _mm256_add_epi8(q, all_bytes(raise - 1));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<PQ2_0>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int i = 0; i < 8; ++i) store_bytes(q + 16 * i, two_bits(u32_at(block + 2 + 4 * i)) - 1);
  }
#endif
};
