// SPDX-License-Identifier: Apache-2.0
/// Formats whose 4 bits choose from a table of 16.
// (no include guard: each instruction set compiles its own copy)

/// unpack and group of a format F: of each 32 weights 16 bytes from F::kNibbles on, as in Q4_0; F::table().
template <class F>
struct OfTable {
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    return from_table<raise>(F::table(), nibbles(block + F::kNibbles + 16 * g));
  }
#endif
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
#ifdef __AVX2__
    unpack_groups<F>(block, q);
#else
    for (int g = 0; g < F::kWeights / 32; ++g) split_nibbles<16>(block + F::kNibbles + 16 * g, q + 32 * g);
    for (int i = 0; i < F::kWeights; ++i) q[i] = F::table()[q[i]];
#endif
  }
};
