// SPDX-License-Identifier: Apache-2.0
/// IQ1_S: 256 weights in 50 bytes: half d; 32 bytes: low 8 bits of points of a grid of eight weights, -1, 0
/// or 1; for each 32 weights 2 bytes: four high 3 bits, 3 bits scale, 1 bit: delta is -1/8, else 1/8. weight
/// = d * (2 scale + 1) * (point + delta); here in eighths.
struct IQ1_S : OfPoints<IQ1_S, PointBit::kShift> {
  static constexpr int kType = 19, kWeights = 256, kBytes = 50, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -9;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block) * 0.125f;
    for (int j = 0; j < 8; ++j)
      scale[j] = d * static_cast<float>(2 * (u16_at(block + 34 + 2 * j) >> 12 & 7) + 1);
  }
  static inline Points points(const std::uint8_t* block, int g) {
    const std::uint8_t* low = block + 2 + 4 * g;
    const std::uint32_t high = u16_at(block + 34 + 2 * g);
    const auto point = [&](int i) { return GridOfIQ1_S::kGrid.at[low[i] | (high >> 3 * i & 7) << 8]; };
    return {{point(0), point(1), point(2), point(3)}, (high & 0x8000u) != 0 ? 0xffffffffu : 0u};
  }
};
