// SPDX-License-Identifier: Apache-2.0
/// IQ2_XXS: 256 weights in 66 bytes: half d; for each 32 weights 4 bytes of points of a grid of eight
/// weights, and 4 bytes: 4 times 7 bits of signs (the eighth makes their number even), 4 bits scale. weight =
/// d * (scale + 1/2) / 4 * sign * point.
struct IQ2_XXS : OfPoints<IQ2_XXS> {
  static constexpr int kType = 16, kWeights = 256, kBytes = 66, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -43;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block);
    for (int j = 0; j < 8; ++j)
      scale[j] = d * (0.5f + static_cast<float>(u32_at(block + 6 + 8 * j) >> 28)) * 0.25f;
  }
  static inline Points points(const std::uint8_t* block, int g) {
    const std::uint8_t* p = block + 2 + 8 * g;
    return {{GridOfIQ2_XXS::kGrid.at[p[0]], GridOfIQ2_XXS::kGrid.at[p[1]], GridOfIQ2_XXS::kGrid.at[p[2]],
             GridOfIQ2_XXS::kGrid.at[p[3]]},
            four_signs(u32_at(p + 4))};
  }
};
