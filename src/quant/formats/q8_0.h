// SPDX-License-Identifier: Apache-2.0
/// Q8_0: 32 weights in 34 bytes: half d; 32 signed bytes q. weight = d * q.
struct Q8_0 {
  static constexpr int kType = 8, kWeights = 32, kBytes = 34, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static constexpr int kLow = -128;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { __builtin_memcpy(q, block + 2, 32); }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 2));
    return raise == 0 ? q : _mm256_xor_si256(q, all_bytes(raise));
  }
#endif
};
