// SPDX-License-Identifier: Apache-2.0
/// NVFP4: 64 weights in 36 bytes: 4 scales of 16 weights, E4M3 without a sign; for each 16 weights 8 bytes q,
/// byte i of 8 holds weight i (low 4 bits) and i + 8 (high), which choose from MXFP4's table. weight = scale
/// / 2 * table[q]. 0x7f, E4M3's NaN, is 0.
struct NVFP4 {
  static constexpr int kType = 40, kWeights = 64, kBytes = 36, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -12;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    for (int j = 0; j < 4; ++j) {
      const std::uint32_t e = block[j] >> 3 & 15, mantissa = block[j] & 7;
      const float value = e == 0 ? static_cast<float>(mantissa) * 0x1p-9f
                                 : float_of((e + 120) << 23 | mantissa << 20);  // bias 7; of float32 127
      scale[j] = block[j] == 127 ? 0.0f : value * 0.5f;
    }
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    return from_table<raise>(MXFP4::kTable, _mm256_permute4x64_epi64(nibbles(block + 4 + 16 * g), 0xd8));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<NVFP4>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    for (int j = 0; j < 4; ++j)
      for (int i = 0; i < 8; ++i) {
        const std::uint8_t both = block[4 + 8 * j + i];
        q[16 * j + i] = MXFP4::kTable[both & 15], q[16 * j + 8 + i] = MXFP4::kTable[both >> 4];
      }
  }
#endif
};
