// SPDX-License-Identifier: Apache-2.0
/// IQ2_S: 256 weights in 82 bytes: half d; 32 bytes: low 8 bits of points of a grid of eight weights; 32
/// bytes of signs; 8 bytes of four high 2 bits; 8 bytes of 4-bit scales, of 16 weights each. weight = d *
/// (scale + 1/2) / 4 * sign * point.
struct IQ2_S : OfPoints<IQ2_S> {
  static constexpr int kType = 22, kWeights = 256, kBytes = 82, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -43;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    quarter_scales(half_at(block), block + 74, scale);
  }
  static inline Points points(const std::uint8_t* block, int g) {
    const std::uint8_t* low = block + 2 + 4 * g;
    const std::uint32_t high = block[66 + g];
    const auto point = [&](int i) { return GridOfIQ2_S::kGrid.at[low[i] | (high >> 2 * i & 3) << 8]; };
    return {{point(0), point(1), point(2), point(3)}, u32_at(block + 34 + 4 * g)};
  }
};
