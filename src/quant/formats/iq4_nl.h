// SPDX-License-Identifier: Apache-2.0
/// IQ4_NL: 32 weights in 18 bytes, as Q4_0, but the 4 bits choose from a table. weight = d * table[q].
struct IQ4_NL : OfTable<IQ4_NL> {
  static constexpr int kType = 20, kWeights = 32, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static constexpr int kLow = -127, kNibbles = 2;
  static constexpr std::int8_t kTable[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                             1,    13,   25,  38,  53,  69,  89,  113};
  static inline const std::int8_t* table() { return kTable; }
};
