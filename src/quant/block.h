// SPDX-License-Identifier: Apache-2.0
/// What weight formats read their numbers with. This and the files of formats/ are plain functions that are
/// compiled several times: once for the definition (format.cpp), once in the namespace of each instruction
/// set (kernels/cpu). So they include nothing. GGUF is little-endian, and so are the machines we run on.
///
/// A format is a struct of one file in formats/:
///
///   kType               its id in GGUF files; below 0 where they have it not
///   kWeights, kBytes    of one block
///   and either, for formats that quantise (weight = scale * q + minimum, where scale * q is exact
///   or infinite in float32; or scale * q without a minimum),
///     kGroup            weights that share a scale: 16 or 32
///     kSigned           q in [-128, 127] and no minimum; otherwise q in [0, 127] and a minimum each group
///     kLow              where kSigned and there is a group, no q is below it
///     unpack(block, q): q (kWeights)
///     unpack_two(block, q): of two blocks, where an instruction set has registers for them
///     kPlain              the block begins with half d, its one scale, and, where there are minima, half m
///     kExponent           where kPlain: it begins with a byte e instead, the scale is 2^(e - 128)
///     kFloat              where kPlain and kSigned: it begins with a float instead
///     group<raise>(block, g): weights [32 g, 32 g + 32), each plus raise (0, -kLow or 128), in a register of
///                         bytes, where AVX2 has few steps for it
///     scales(block, scale, minimum), each (kWeights / kGroup): of the others
///   or, where kGroup is 0,
///     widen(blocks, n, out): out = n weights, whole blocks
// (no include guard: each instruction set compiles its own copy)

static inline float float_of(std::uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
static inline std::uint32_t u16_at(const std::uint8_t* p) {
  std::uint16_t bits;
  __builtin_memcpy(&bits, p, 2);
  return bits;
}
static inline std::uint32_t u32_at(const std::uint8_t* p) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, p, 4);
  return bits;
}

/// IEEE binary16 at p, exactly (subnormals, infinities and NaN included).
static inline float half_at(const std::uint8_t* p) {
#ifdef RW_NEON
  __fp16 half;
  __builtin_memcpy(&half, p, 2);
  return half;
#else
  const std::uint32_t h = u16_at(p);
#ifdef __F16C__
  return _cvtsh_ss(static_cast<unsigned short>(h));
#else
  const std::uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 0x1fu, mantissa = h & 0x3ffu;
  if (exponent == 0x1f) return float_of(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
#endif
#endif
}

/// 16 bytes at once: GCC makes poor code of loops over bytes.
typedef std::uint8_t Bytes __attribute__((vector_size(16)));
static inline Bytes load_bytes(const std::uint8_t* p) {
  Bytes v;
  __builtin_memcpy(&v, p, 16);
  return v;
}
static inline void store_bytes(std::int8_t* q, Bytes v) { __builtin_memcpy(q, &v, 16); }

/// bit where bit i of `bits` is set in byte i, else 0.
static inline Bytes bits_to_bytes(std::uint32_t bits, std::uint8_t bit) {
  typedef std::uint64_t Halves __attribute__((vector_size(16)));
  const std::uint64_t ones = 0x0101010101010101u;
  const Halves spread = {(bits & 0xffu) * ones, (bits >> 8 & 0xffu) * ones};
  const Bytes each = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  Bytes v;
  __builtin_memcpy(&v, &spread, 16);
  v &= each;
  return reinterpret_cast<Bytes>(v == each) & bit;
}

#ifdef __AVX2__
/// 32 bytes with v in each.
static inline __m256i all_bytes(int v) { return _mm256_set1_epi8(static_cast<char>(v)); }

/// Each of 32 bytes plus v.
template <int v>
static inline __m256i plus(__m256i bytes) {
  return v == 0 ? bytes : _mm256_add_epi8(bytes, all_bytes(v));
}

/// 255 where bit i of 32 is set in byte i, else 0.
static inline __m256i bits_to_bytes(std::uint32_t bits) {
#ifdef __AVX512BW__
  return _mm256_movm_epi8(bits);
#else
  const __m256i from = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303),
                each = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
  const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), from);
  return _mm256_cmpeq_epi8(_mm256_and_si256(spread, each), each);
#endif
}

/// q (kWeights) of a block, of formats that have groups in registers.
template <class F>
static inline void unpack_groups(const std::uint8_t* block, std::int8_t* q) {
  for (int g = 0; g < F::kWeights / 32; ++g)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + 32 * g), F::template group<0>(block, g));
}

/// Each of 32 times 4 bits in a table of 16, plus raise.
template <int raise>
static inline __m256i from_table(const std::int8_t* table, __m256i indices) {
  const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return _mm256_shuffle_epi8(_mm256_add_epi8(both, all_bytes(raise)), indices);
}

/// The low 4 bits of 16 bytes, then the high 4.
static inline __m256i nibbles(const std::uint8_t* p) {
  const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm256_and_si256(_mm256_srlv_epi64(both, _mm256_setr_epi64x(0, 0, 4, 4)), _mm256_set1_epi8(15));
}
#endif

/// q[0 .. n) = the low 4 bits of n bytes, q[n .. 2n) = the high 4.
template <int n>
static inline void split_nibbles(const std::uint8_t* p, std::int8_t* q) {
#ifdef __AVX2__
  if (n == 16) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q), nibbles(p));
    return;
  }
#endif
  for (int i = 0; i < n; i += 16) {
    const Bytes both = load_bytes(p + i);
    store_bytes(q + i, both & 15);
    store_bytes(q + n + i, both >> 4);
  }
}

#ifdef __AVX512BW__
/// The nibbles of two blocks of 32 weights, in order.
static inline __m512i two_nibbles(const std::uint8_t* first, const std::uint8_t* second) {
  const __m256i both = _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(first))),
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(second)), 1);
  const __m512i twice =
      _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 1, 0, 1, 2, 3, 2, 3), _mm512_castsi256_si512(both));
  return _mm512_and_si512(_mm512_srlv_epi64(twice, _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4)),
                          _mm512_set1_epi8(15));
}
#endif

/// Six-bit scales and minima, 8 of each in 12 bytes (Q4_K, Q5_K).
static inline void scales_and_minima(const std::uint8_t* s, float d, float dmin, float* scale,
                                     float* minimum) {
#ifdef __AVX2__
  // Bytes 0 to 3: scales 0 to 3 and, above them, two bits of 4 to 7. Bytes 4 to 7: so the minima. Bytes 8 to
  // 11: the other four bits of scales and minima 4 to 7.
  const std::uint32_t first = u32_at(s), second = u32_at(s + 4), low = u32_at(s + 8);
  const auto eight = [](std::uint32_t lower, std::uint32_t upper) __attribute__((always_inline)) {
    const __m128i bytes = _mm_cvtsi64_si128(static_cast<long long>(std::uint64_t{upper} << 32 | lower));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  };
  const __m256 sc = eight(first & 0x3f3f3f3fu, (low & 0x0f0f0f0fu) | (first >> 2 & 0x30303030u)),
               m = eight(second & 0x3f3f3f3fu, (low >> 4 & 0x0f0f0f0fu) | (second >> 2 & 0x30303030u));
  _mm256_storeu_ps(scale, _mm256_mul_ps(_mm256_set1_ps(d), sc));
  _mm256_storeu_ps(minimum, _mm256_mul_ps(_mm256_set1_ps(-dmin), m));
#else
  for (int j = 0; j < 8; ++j) {
    const int sc = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    const int m = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
    scale[j] = d * static_cast<float>(sc);
    minimum[j] = -(dmin * static_cast<float>(m));
  }
#endif
}

/// Of formats with one scale for n groups.
template <int n>
static inline void same_scales(float d, float* scale) {
  for (int i = 0; i < n; ++i) scale[i] = d;
}

/// The scale with which a plain block begins.
template <class F>
static inline float first_scale(const std::uint8_t* block) {
  if constexpr (requires { F::kExponent; }) {
    const std::uint32_t e = block[0];
    return float_of(e < 2 ? 0x200000u << e : (e - 1) << 23);  // below 2^-126 numbers are subnormal
  } else if constexpr (requires { F::kFloat; }) {
    return float_of(u32_at(block));
  } else {
    return half_at(block);
  }
}

#ifdef __AVX2__
/// The halves at 2 `which` of eight times four bytes.
template <int which>
static inline __m256 eight_halves_of(__m256i fours) {
  const __m256i apart = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8,
                                         9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  const __m256i both = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(fours, apart), 0xd8);
  return _mm256_cvtph_ps(which == 0 ? _mm256_castsi256_si128(both) : _mm256_extracti128_si256(both, 1));
}

/// first_scale of eight blocks, of which these are the first four bytes.
template <class F>
static inline __m256 first_scales(__m256i fours) {
  if constexpr (requires { F::kExponent; }) {
    const __m256i e = _mm256_and_si256(fours, _mm256_set1_epi32(255)), two = _mm256_set1_epi32(2);
    const __m256i usual = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i least = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), e);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(usual, least, _mm256_cmpgt_epi32(two, e)));
  } else if constexpr (requires { F::kFloat; }) {
    return _mm256_castsi256_ps(fours);
  } else {
    return eight_halves_of<0>(fours);
  }
}
#endif

/// The scales and, where there are any, minima of a block.
template <class F>
static inline void block_scales(const std::uint8_t* block, float* scale, float* minimum) {
  if constexpr (!F::kPlain) {
    F::scales(block, scale, minimum);
  } else {
    scale[0] = first_scale<F>(block);
    if constexpr (!F::kSigned) minimum[0] = half_at(block + 2);
  }
}
