// SPDX-License-Identifier: Apache-2.0
/// MXFP4: 32 weights in 17 bytes: an exponent e; 16 bytes q as in Q4_0, of which 4 bits choose from a table,
/// E2M1's values doubled. weight = 2^(e - 128) * table[q]. Source: OCP Microscaling Formats 1.0; as ggml has
/// it e = 255 is a number.
struct MXFP4 {
  static constexpr int kType = 39, kWeights = 32, kBytes = 17, kGroup = 32;
  static constexpr bool kPlain = true, kExponent = true, kSigned = true;
  static constexpr int kLow = -12;
  static constexpr std::int8_t kTable[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int) {
    return from_table<raise>(kTable, nibbles(block + 1));
  }
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) { unpack_groups<MXFP4>(block, q); }
#else
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    split_nibbles<16>(block + 1, q);
    for (int i = 0; i < 32; ++i) q[i] = kTable[q[i]];
  }
#endif
};
