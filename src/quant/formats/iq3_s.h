// SPDX-License-Identifier: Apache-2.0
/// IQ3_S: 256 weights in 110 bytes: half d; 64 bytes: low 8 bits of points of a grid of four weights; 8 bytes
/// of their high bits; 32 bytes of signs; 4 bytes of 4-bit scales, of 32 weights each. weight = d * (2 scale
/// + 1) * sign * point.
struct IQ3_S : OfPoints<IQ3_S> {
  static constexpr int kType = 21, kWeights = 256, kBytes = 110, kGroup = 32;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -15;
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    const float d = half_at(block);
    for (int j = 0; j < 8; ++j)
      scale[j] = d * static_cast<float>(2 * (block[106 + j / 2] >> 4 * (j % 2) & 15) + 1);
  }
  static inline Points points(const std::uint8_t* block, int g) {
    const std::uint8_t* low = block + 2 + 8 * g;
    const std::uint32_t high = block[66 + g];
    const auto one = [&](int i) {
      return std::uint64_t{GridOfIQ3_S::kGrid.at[low[i] | (high >> i & 1) << 8]};
    };
    const auto two = [&](int i) { return one(i) | one(i + 1) << 32; };
    return {{two(0), two(2), two(4), two(6)}, u32_at(block + 74 + 4 * g)};
  }
};
