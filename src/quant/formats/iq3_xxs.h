// SPDX-License-Identifier: Apache-2.0
/// IQ3_XXS: 256 weights in 98 bytes: half d; 64 bytes of points of a grid of four weights; for each 32
/// weights 4 bytes: 4 times 7 bits of signs (the eighth makes their number even), 4 bits scale. weight = d *
/// (scale + 1/2) / 2 * sign * point.
struct IQ3_XXS : OfPoints<IQ3_XXS> {
  static constexpr int kType = 18, kWeights = 256, kBytes = 98, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -62;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block);
    for (int j = 0; j < 8; ++j)
      scale[j] = d * (0.5f + static_cast<float>(u32_at(block + 66 + 4 * j) >> 28)) * 0.5f;
  }
  static inline Points points(const std::uint8_t* block, int g) {
    const std::uint8_t* p = block + 2 + 8 * g;
    const auto two = [&](int i) {
      return GridOfIQ3_XXS::kGrid.at[p[i]] | std::uint64_t{GridOfIQ3_XXS::kGrid.at[p[i + 1]]} << 32;
    };
    return {{two(0), two(2), two(4), two(6)}, four_signs(u32_at(block + 66 + 4 * g))};
  }
};
