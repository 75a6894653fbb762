// SPDX-License-Identifier: Apache-2.0
/// IQ2_XS: 256 weights in 74 bytes: half d; 32 times 2 bytes: 9 bits of a point of a grid of eight weights, 7
/// of signs (the eighth makes their number even); 8 bytes of 4-bit scales, of 16 weights each. weight = d *
/// (scale + 1/2) / 4 * sign * point.
struct IQ2_XS : OfPoints<IQ2_XS> {
  static constexpr int kType = 17, kWeights = 256, kBytes = 74, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -43;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    quarter_scales(half_at(block), block + 66, scale);
  }
  static inline Points points(const std::uint8_t* block, int g) {
    Points all;
    std::uint32_t seven = 0;
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t both = u16_at(block + 2 + 8 * g + 2 * i);
      all.eight[i] = GridOfIQ2_XS::kGrid.at[both & 511];
      seven |= both >> 9 << 7 * i;
    }
    all.bits = four_signs(seven);
    return all;
  }
};
