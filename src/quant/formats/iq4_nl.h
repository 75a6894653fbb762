// SPDX-License-Identifier: Apache-2.0
/// IQ4_NL: 32 weights in 18 bytes, as Q4_0, but the 4 bits choose from a table. weight = d * table[q].
struct IQ4_NL {
  static constexpr int kType = 20, kWeights = 32, kBytes = 18, kGroup = 32;
  static constexpr bool kPlain = true, kSigned = true;
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
    constexpr std::int8_t kTable[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};
    split_nibbles<16>(block + 2, q);
#ifdef __AVX2__
    const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kTable));
    for (int i = 0; i < 32; i += 16) {
      auto* at = reinterpret_cast<__m128i*>(q + i);
      _mm_storeu_si128(at, _mm_shuffle_epi8(table, _mm_loadu_si128(at)));
    }
#else
    for (int i = 0; i < 32; ++i) q[i] = kTable[q[i]];
#endif
  }
};
