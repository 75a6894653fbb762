// SPDX-License-Identifier: Apache-2.0
/// What IQ1, IQ2 and IQ3 formats share: 32 weights are points of a grid (quant/grids.h), of eight weights or
/// of four, and a bit for each.
// (no include guard: each instruction set compiles its own copy)

/// Of 32 weights, eight times four, a byte each; a bit for each, weight 0's the lowest.
struct Points {
  std::uint64_t eight[4];
  std::uint32_t bits;
};

/// What a bit does to its weight.
enum class PointBit {
  kSign,   ///< 1: negative
  kShift,  ///< 0: one more, 1: one less
};

/// unpack and group of a format F by F::points(block, g), the g-th 32 weights.
template <class F, PointBit kBit = PointBit::kSign>
struct OfPoints {
#ifdef __AVX2__
  template <int raise>
  static inline __m256i group(const std::uint8_t* block, int g) {
    const Points its = F::points(block, g);
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(its.eight));
    const __m256i set = bits_to_bytes(its.bits);
    const __m256i done = kBit == PointBit::kSign ? _mm256_sub_epi8(_mm256_xor_si256(q, set), set)
                                                 : _mm256_add_epi8(q, _mm256_or_si256(set, all_bytes(1)));
    return plus<raise>(done);
  }
#endif
  static inline void unpack(const std::uint8_t* block, std::int8_t* q) {
#ifdef __AVX2__
    unpack_groups<F>(block, q);
#else
    for (int g = 0; g < F::kWeights / 32; ++g) {
      const Points its = F::points(block, g);
      for (int half = 0; half < 2; ++half) {
        Bytes v;
        __builtin_memcpy(&v, its.eight + 2 * half, 16);
        const Bytes set = bits_to_bytes(its.bits >> 16 * half & 0xffffu, 255);
        store_bytes(q + 32 * g + 16 * half, kBit == PointBit::kSign ? (v ^ set) - set : v + (set | 1));
      }
    }
#endif
  }
};

/// Four times seven bits, each with an eighth that makes the number of ones even.
static inline std::uint32_t four_signs(std::uint32_t sevens) {
  std::uint32_t signs = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t seven = sevens >> 7 * i & 127;
    signs |= (seven | static_cast<std::uint32_t>(__builtin_parity(seven)) << 7) << 8 * i;
  }
  return signs;
}

/// scale (16) = d (q + 1/2) / 4, 4 bits each.
static inline void quarter_scales(float d, const std::uint8_t* q, float* scale) {
  for (int j = 0; j < 16; ++j)
    scale[j] = d * (0.5f + static_cast<float>(q[j / 2] >> 4 * (j % 2) & 15)) * 0.25f;
}
