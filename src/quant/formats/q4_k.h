// SPDX-License-Identifier: Apache-2.0
/// Q4_K: 256 weights in 144 bytes: half d, half dmin; 12 bytes of 8 six-bit scales and minima; 128 bytes q.
/// In each group of 64 weights, byte i of 32 holds weight i (low 4 bits) and i + 32 (high). weight = d *
/// scale * q - dmin * min.
struct Q4_K {
  static constexpr int kType = 12, kWeights = 256, kBytes = 144, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = false;
  static inline void scales(const std::uint8_t* block, float* scale, float* minimum) {
    scales_and_minima(block + 4, half_at(block), half_at(block + 2), scale, minimum);
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int part = 0; part < 4; ++part) split_nibbles<32>(block + 16 + 32 * part, q + 64 * part);
  }
#ifdef __AVX2__
  template <int>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 16 + g / 2 * 32));
    return _mm256_and_si256(g % 2 == 0 ? both : _mm256_srli_epi16(both, 4), _mm256_set1_epi8(15));
  }
#endif
};
