// SPDX-License-Identifier: Apache-2.0
/// IQ4_NL: 32 weights in 18 bytes, as Q4_0, but the 4 bits choose from a table. weight = d * table[q].
struct IQ4_NL {
  static constexpr int kType = 20, kWeights = 32, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static constexpr int kLow = -127;
  static constexpr std::int8_t kTable[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                             1,    13,   25,  38,  53,  69,  89,  113};
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    return from_table<raise>(kTable, nibbles(block + 2));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<IQ4_NL>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    split_nibbles<16>(block + 2, q);
    for (int i = 0; i < 32; ++i) q[i] = kTable[q[i]];
  }
#endif
};
