// SPDX-License-Identifier: Apache-2.0
/// IQ1_M: 256 weights in 56 bytes: 32 bytes: low 8 bits of points of IQ1_S's grid; 16 bytes: for each of two
/// points 3 high bits and 1 bit: delta is -1/8, else 1/8; 4 times 2 bytes: four 3-bit scales, of 16 weights
/// each, and 4 bits of half d, the first's the lowest. weight = d * (2 scale + 1) * (point + delta); here in
/// eighths.
struct IQ1_M : OfPoints<IQ1_M, PointBit::kShift> {
  static constexpr int kType = 29, kWeights = 256, kBytes = 56, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -9;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    std::uint8_t half[2] = {};
    for (int i = 0; i < 4; ++i)
      half[i / 2] |= static_cast<std::uint8_t>(block[49 + 2 * i] >> 4 << 4 * (i % 2));
    const float d = half_at(half) * 0.125f;
    for (int j = 0; j < 16; ++j)
      scale[j] = d * static_cast<float>(2 * (u16_at(block + 48 + 2 * (j / 4)) >> 3 * (j % 4) & 7) + 1);
  }
  static inline Points points(const std::uint8_t* block, int g) {
    const std::uint8_t *low = block + 4 * g, *both = block + 32 + 2 * g;
    const auto high = [&](int i) { return static_cast<std::uint32_t>(both[i / 2] >> 4 * (i % 2)); };
    const auto point = [&](int i) { return GridOfIQ1_S::kGrid.at[low[i] | (high(i) & 7) << 8]; };
    const auto bits = [&](int i) { return (high(i) & 8) != 0 ? 0xffu << 8 * i : 0u; };
    return {{point(0), point(1), point(2), point(3)}, bits(0) | bits(1) | bits(2) | bits(3)};
  }
};
