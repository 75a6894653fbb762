// SPDX-License-Identifier: Apache-2.0
/// IQ4_XS: 256 weights in 136 bytes: half d; 2 bytes high bits of 8 six-bit scales, 4 bytes low 4 bits; 128
/// bytes q, for each 32 weights 16 bytes as in Q4_0, of which 4 bits choose from IQ4_NL's table. weight = d *
/// (scale - 32) * table[q].
struct IQ4_XS : OfTable<IQ4_XS> {
  static constexpr int kType = 23, kWeights = 256, kBytes = 136, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -127, kNibbles = 8;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block);
    const std::uint32_t high = u16_at(block + 2), low = u32_at(block + 4);
    for (int j = 0; j < 8; ++j)
      scale[j] =
          d * static_cast<float>(static_cast<int>((low >> 4 * j & 15) | (high >> 2 * j & 3) << 4) - 32);
  }
  static inline const std::int8_t* table() { return IQ4_NL::kTable; }
};
