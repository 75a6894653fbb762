// SPDX-License-Identifier: Apache-2.0
/// INT8_G32, of no file: 32 weights in 36 bytes: float d; 32 signed bytes q. weight = d * q. What folders of
/// GPTQ and compressed-tensors with 8 bits become (formats/packed.h).
struct INT8_G32 {
  static constexpr int kType = -5, kWeights = 32, kBytes = 36, kGroup = 32;
  static constexpr bool kPlain = true, kFloat = true, kSigned = true;
  static constexpr int kLow = -128;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { __builtin_memcpy(q, block + 4, 32); }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 4));
    return raise == 0 ? q : _mm256_xor_si256(q, all_bytes(raise));
  }
#endif
};
