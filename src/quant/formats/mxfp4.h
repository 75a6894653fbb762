// SPDX-License-Identifier: Apache-2.0
/// MXFP4: 32 weights in 17 bytes: an exponent e; 16 bytes q as in Q4_0, of which 4 bits choose from a table,
/// E2M1's values doubled. weight = 2^(e - 128) * table[q]. Source: OCP Microscaling Formats 1.0; as ggml has
/// it e = 255 is a number.
struct MXFP4 : OfTable<MXFP4> {
  static constexpr int kType = 39, kWeights = 32, kBytes = 17, kGroup = 32;
  static constexpr bool kPlain = true, kExponent = true, kSigned = true;
  static constexpr int kLow = -12, kNibbles = 1;
  static constexpr std::int8_t kTable[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  static inline const std::int8_t* table() { return kTable; }
};
