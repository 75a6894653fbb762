// SPDX-License-Identifier: Apache-2.0
/// Q2_0 and PQ2_0: half d; 2-bit q, weight i in bits 2 (i % 4) of byte i / 4. weight = d * (q - 1).
// (no include guard: each instruction set compiles its own copy)

#ifdef __AVX2__
/// Byte i = bits 2 i and 2 i + 1 of the eight bytes at p.
static inline __m256i two_bits(const std::uint8_t* p) {
  const __m256i from =
      _mm256_setr_epi64x(0x0101010100000000, 0x0303030302020202, 0x0505050504040404, 0x0707070706060606);
  const __m256i each = _mm256_shuffle_epi8(
      _mm256_set1_epi64x(static_cast<long long>(u32_at(p) | std::uint64_t{u32_at(p + 4)} << 32)), from);
  const auto part = [&](int i) __attribute__((always_inline)) {
    return _mm256_and_si256(_mm256_srli_epi32(each, 2 * i), _mm256_set1_epi32(3 << 8 * i));
  };
  return _mm256_or_si256(_mm256_or_si256(part(0), part(1)), _mm256_or_si256(part(2), part(3)));
}
#endif

/// Byte i = bits 2 i and 2 i + 1.
static inline Bytes two_bits(std::uint32_t bits) {
  typedef std::uint32_t Words __attribute__((vector_size(16)));
  const Words each = {bits & 0xffu, bits >> 8 & 0xffu, bits >> 16 & 0xffu, bits >> 24};
  const Words apart = (each | each << 6 | each << 12 | each << 18) & 0x03030303u;
  return reinterpret_cast<Bytes>(apart);
}

/// scales, unpack and group of a format F of such blocks, of F::kWeights.
template <class F>
struct OfTwoBits {
  static inline void scales(const std::uint8_t* block, float* scale, float*) {
    same_scales<F::kWeights / 32>(half_at(block), scale);
  }
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    return plus<raise - 1>(two_bits(block + 2 + 8 * g));
  }
#endif
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
#ifdef __AVX2__
    unpack_groups<F>(block, q);
#else
    for (int i = 0; i < F::kWeights / 16; ++i)
      store_bytes(q + 16 * i, two_bits(u32_at(block + 2 + 4 * i)) - 1);
#endif
  }
};
