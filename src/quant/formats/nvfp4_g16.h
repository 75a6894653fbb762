// SPDX-License-Identifier: Apache-2.0
/// NVFP4_G16, of no file: 32 weights in 24 bytes: two floats d, of 16 weights each; 16 bytes q as in Q4_0, of
/// which 4 bits choose from MXFP4's table. weight = d * table[q]. What folders of NVFP4 with a scale of the
/// whole tensor become (formats/packed.h).
struct NVFP4_G16 : OfTable<NVFP4_G16> {
  static constexpr int kType = -6, kWeights = 32, kBytes = 24, kGroup = 16;
  static constexpr bool kPlain = false, kSigned = true;
  static constexpr int kLow = -12, kNibbles = 8;
  static inline const std::int8_t* table() { return MXFP4::kTable; }
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    scale[0] = float_of(u32_at(block)), scale[1] = float_of(u32_at(block + 4));
  }
};
