// SPDX-License-Identifier: Apache-2.0
/// Vectors of 16 floats on every instruction set, as one to four registers. Included inside a namespace of
/// its own by each isa_*.cpp, after it has defined kParts: the registers of 16 floats. (One GCC vector of 64
/// bytes would do, but without AVX-512 GCC keeps such vectors in memory: attention ran at 8 GFLOP/s with
/// AVX2.)
// (no include guard: each instruction set compiles its own copy)

#define RW_INLINE static inline __attribute__((always_inline))
#define RW_MEMBER inline __attribute__((always_inline))
#define RW_UNROLL \
  _Pragma("GCC unroll 16")  // arrays of vectors become registers only once their loops are gone
#ifdef __aarch64__
#define RW_IN_REGISTER "+w"  // of vectors, in assembly
#else
#define RW_IN_REGISTER "+x"
#endif

template <class E>
struct Wide {
  typedef E Part __attribute__((vector_size(64 / kParts)));
  typedef E Unaligned __attribute__((vector_size(64 / kParts), aligned(2), may_alias));
  Part part[kParts];
};
using Vec = Wide<float>;
using Bits = Wide<std::uint32_t>;

#define RW_OPERATOR(op)                                                            \
  template <class E>                                                               \
  RW_INLINE Wide<E> operator op(Wide<E> a, Wide<E> b) {                            \
    RW_UNROLL for (int i = 0; i < kParts; ++i) a.part[i] = a.part[i] op b.part[i]; \
    return a;                                                                      \
  }
RW_OPERATOR(+)
RW_OPERATOR(-)
RW_OPERATOR(*)
RW_OPERATOR(/)
RW_OPERATOR(&)
RW_OPERATOR(|)
#undef RW_OPERATOR

template <class E>
RW_INLINE Wide<E> load_wide(const void* p) {
  const auto* from = static_cast<const typename Wide<E>::Unaligned*>(p);
  Wide<E> v;
  RW_UNROLL for (int i = 0; i < kParts; ++i) v.part[i] = from[i];
  return v;
}
template <class E>
RW_INLINE Wide<E> splat_wide(E x) {
  Wide<E> v;
  RW_UNROLL for (int i = 0; i < kParts; ++i) v.part[i] =
      x - typename Wide<E>::Part{};  // x - 0 is x, also for -0
  return v;
}
RW_INLINE Vec load(const float* p) { return load_wide<float>(p); }
RW_INLINE Vec splat(float x) { return splat_wide<float>(x); }
RW_INLINE void store(float* p, Vec v) {
  auto* to = reinterpret_cast<Vec::Unaligned*>(p);
  RW_UNROLL for (int i = 0; i < kParts; ++i) to[i] = v.part[i];
}
RW_INLINE Vec as_floats(Bits x) {
  Vec v;
  RW_UNROLL for (int i = 0; i < kParts; ++i) v.part[i] = reinterpret_cast<Vec::Part>(x.part[i]);
  return v;
}
RW_INLINE Bits as_bits(Vec x) {
  Bits v;
  RW_UNROLL for (int i = 0; i < kParts; ++i) v.part[i] = reinterpret_cast<Bits::Part>(x.part[i]);
  return v;
}
template <int n>
RW_INLINE Bits shift_left(Bits x) {
  RW_UNROLL for (int i = 0; i < kParts; ++i) x.part[i] = x.part[i] << n;
  return x;
}
template <int n>
RW_INLINE Bits shift_right(Bits x) {
  RW_UNROLL for (int i = 0; i < kParts; ++i) x.part[i] = x.part[i] >> n;
  return x;
}
/// a * b, rounded before it is added to anything: the same bits as code that has no multiply-add.
RW_INLINE Vec rounded_product(Vec a, Vec b) {
  Vec product = a * b;
  RW_UNROLL for (int i = 0; i < kParts; ++i) __asm__("" : RW_IN_REGISTER(product.part[i]));
  return product;
}
RW_INLINE Vec maximum(Vec a, Vec b) {
#if defined(__AVX512F__)  // GCC makes a comparison and a blend of the last form
  return {{reinterpret_cast<Vec::Part>(
      _mm512_max_ps(reinterpret_cast<__m512>(a.part[0]), reinterpret_cast<__m512>(b.part[0])))}};
#elif defined(__AVX2__)
  RW_UNROLL for (int i = 0; i < kParts; ++i) a.part[i] = reinterpret_cast<Vec::Part>(
      _mm256_max_ps(reinterpret_cast<__m256>(a.part[i]), reinterpret_cast<__m256>(b.part[i])));
  return a;
#endif
  RW_UNROLL for (int i = 0; i < kParts; ++i) a.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
  return a;
}
RW_INLINE Vec minimum(Vec a, Vec b) {
#if defined(__AVX512F__)
  return {{reinterpret_cast<Vec::Part>(
      _mm512_min_ps(reinterpret_cast<__m512>(b.part[0]), reinterpret_cast<__m512>(a.part[0])))}};
#endif
  RW_UNROLL for (int i = 0; i < kParts; ++i) a.part[i] = a.part[i] > b.part[i] ? b.part[i] : a.part[i];
  return a;
}
RW_INLINE Vec absolute(Vec x) { return as_floats(as_bits(x) & splat_wide<std::uint32_t>(0x7fffffffu)); }
/// Lanes of a where x > 0, of b elsewhere.
RW_INLINE Vec where_positive(Vec x, Vec a, Vec b) {
  RW_UNROLL for (int i = 0; i < kParts; ++i) a.part[i] = x.part[i] > 0 ? a.part[i] : b.part[i];
  return a;
}
/// The lanes of v folded by halves; the order is the same on every instruction set.
template <class Fold>
RW_INLINE float folded(Vec v, Fold fold) {
#ifdef __AVX512F__
  __m512 x = reinterpret_cast<__m512>(v.part[0]);
  x = fold(x, _mm512_shuffle_f32x4(x, x, 0x4e));
  x = fold(x, _mm512_shuffle_f32x4(x, x, 0xb1));
  x = fold(x, _mm512_permute_ps(x, 0x4e));
  x = fold(x, _mm512_permute_ps(x, 0xb1));
  return _mm512_cvtss_f32(x);
#elif defined(__AVX2__)
  const auto eight = reinterpret_cast<__m256>(fold(v.part[0], v.part[1]));
  __m128 x = fold(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  x = fold(x, _mm_movehl_ps(x, x));
  x = fold(x, _mm_movehdup_ps(x));
  return _mm_cvtss_f32(x);
#elif defined(RW_NEON)
  Vec::Part x = fold(fold(v.part[0], v.part[2]), fold(v.part[1], v.part[3]));
  x = fold(x, __builtin_shufflevector(x, x, 2, 3, 2, 3));
  return fold(x[0], x[1]);
#else
  float a[kLanes];
  store(a, v);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) a[i] = fold(a[i], a[i + width]);
  return a[0];
#endif
}
RW_INLINE float reduce_max(Vec v) {
  return folded(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; });
}
RW_INLINE float reduce_add(Vec v) {
  return folded(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}

/// Whether no lane of any vector is above its lane of x, and none is NaN.
RW_INLINE bool none_above(Vec a, Vec b, Vec c, Vec d, Vec x) {
#ifdef __AVX512F__
  const auto top = reinterpret_cast<__m512>(x.part[0]);
  __mmask16 below = _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a.part[0]), top, _CMP_LE_OQ);
  below = _mm512_mask_cmp_ps_mask(below, reinterpret_cast<__m512>(b.part[0]), top, _CMP_LE_OQ);
  below = _mm512_mask_cmp_ps_mask(below, reinterpret_cast<__m512>(c.part[0]), top, _CMP_LE_OQ);
  below = _mm512_mask_cmp_ps_mask(below, reinterpret_cast<__m512>(d.part[0]), top, _CMP_LE_OQ);
  return _mm512_kortestc(below, below) != 0;
#elif defined(__AVX2__)
  __m256 below = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  const Vec all[] = {a, b, c, d};
  RW_UNROLL for (int n = 0; n < 4; ++n) RW_UNROLL for (int i = 0; i < kParts; ++i) below =
      _mm256_and_ps(below, _mm256_cmp_ps(reinterpret_cast<__m256>(all[n].part[i]),
                                         reinterpret_cast<__m256>(x.part[i]), _CMP_LE_OQ));
  return _mm256_movemask_ps(below) == 0xff;
#elif defined(RW_NEON)
  uint32x4_t below = vdupq_n_u32(~0u);
  const Vec all[] = {a, b, c, d};
  RW_UNROLL for (int n = 0; n < 4; ++n) RW_UNROLL for (int i = 0; i < kParts; ++i) below =
      vandq_u32(below, vcleq_f32(all[n].part[i], x.part[i]));
  return vminvq_u32(below) != 0;
#else
  const Vec all[] = {a, b, c, d};
  bool below = true;
  for (const Vec& v : all)
    for (int i = 0; i < kParts; ++i)
      for (int lane = 0; lane < kLanes / kParts; ++lane) below &= v.part[i][lane] <= x.part[i][lane];
  return below;
#endif
}

/// Lanes [begin, end) of a, the others of b; begin and end may lie outside of the lanes.
RW_INLINE Vec lanes_between(std::int64_t begin, std::int64_t end, Vec a, Vec b) {
  begin = begin < 0 ? 0 : begin > kLanes ? kLanes : begin;
  end = end < begin ? begin : end > kLanes ? kLanes : end;
#ifdef __AVX512F__
  const auto mask = static_cast<__mmask16>((1u << end) - (1u << begin));
  return {{reinterpret_cast<Vec::Part>(
      _mm512_mask_blend_ps(mask, reinterpret_cast<__m512>(b.part[0]), reinterpret_cast<__m512>(a.part[0])))}};
#elif defined(__AVX2__)
  const __m256i before = _mm256_set1_epi32(static_cast<int>(begin) - 1),
                behind = _mm256_set1_epi32(static_cast<int>(end));
  RW_UNROLL for (int i = 0; i < kParts; ++i) {
    const __m256i lane =
        _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(8 * i));
    const __m256i inside =
        _mm256_and_si256(_mm256_cmpgt_epi32(lane, before), _mm256_cmpgt_epi32(behind, lane));
    a.part[i] = reinterpret_cast<Vec::Part>(_mm256_blendv_ps(reinterpret_cast<__m256>(b.part[i]),
                                                             reinterpret_cast<__m256>(a.part[i]),
                                                             _mm256_castsi256_ps(inside)));
  }
  return a;
#elif defined(RW_NEON)
  const int32x4_t first = vdupq_n_s32(static_cast<int>(begin)), behind = vdupq_n_s32(static_cast<int>(end));
  RW_UNROLL for (int i = 0; i < kParts; ++i) {
    const int32x4_t lane = {4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3};
    a.part[i] = vbslq_f32(vandq_u32(vcgeq_s32(lane, first), vcltq_s32(lane, behind)), a.part[i], b.part[i]);
  }
  return a;
#else
  if (begin >= end) return b;  // most vectors lie wholly outside or inside
  if (end - begin == kLanes) return a;
  float from[kLanes], to[kLanes];
  store(from, a);
  store(to, b);
  for (std::int64_t i = begin; i < end; ++i) to[i] = from[i];
  return load(to);
#endif
}

/// p = p f + c of each.
template <int n>
RW_INLINE void horner(Vec (&p)[n], const Vec (&f)[n], float c) {
  RW_UNROLL for (int i = 0; i < n; ++i) p[i] = p[i] * f[i] + splat(c);
}

/// x = exp2_of(x) of several at once, step by step together: one alone waits for each of its results, and
/// the processor looks ahead some 60 operations only.
template <bool kRounded, int n>
RW_INLINE void exp2_each(Vec (&x)[n]) {
#ifdef __AMX_TILE__  // beside tiles, multiply-adds and maxima run at half their rate
  if constexpr (kRounded) {
    RW_UNROLL for (int i = 0; i < n; ++i) {
      const auto v = reinterpret_cast<__m512>(x[i].part[0]);
      const Vec f{
          {reinterpret_cast<Vec::Part>(_mm512_reduce_ps(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC))}};
      Vec q = splat(7.706704e-2f) * f + splat(2.27645e-1f);
      q = q * f + splat(6.9511679e-1f);
      q = q * f + splat(1.0f);
      x[i] = {{reinterpret_cast<Vec::Part>(_mm512_scalef_ps(reinterpret_cast<__m512>(q.part[0]), v))}};
    }
    return;
  }
#endif
  const Vec magic = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  Vec shifted[n], p[n];
  RW_UNROLL for (int i = 0; i < n; ++i) x[i] = maximum(x[i], splat(-127.0f));
  RW_UNROLL for (int i = 0; i < n; ++i) shifted[i] = x[i] + magic;
  RW_UNROLL for (int i = 0; i < n; ++i) p[i] = shifted[i] - magic;
  RW_UNROLL for (int i = 0; i < n; ++i) x[i] = x[i] - p[i];
  RW_UNROLL for (int i = 0; i < n; ++i) p[i] = splat(kRounded ? 5.500895157e-2f : 1.535336188e-4f);
  if constexpr (kRounded) {
    horner(p, x, 2.422110140e-1f);
    horner(p, x, 6.932829022e-1f);
  } else {
    horner(p, x, 1.339887440e-3f);
    horner(p, x, 9.618437358e-3f);
    horner(p, x, 5.550332471e-2f);
    horner(p, x, 2.402264791e-1f);
    horner(p, x, 6.931472029e-1f);
  }
  horner(p, x, 1.0f);
  // Of `shifted` only the integer's low bits stay: they are added to the exponent, which for 1 is 127.
  RW_UNROLL for (int i = 0; i < n; ++i) x[i] = as_floats(as_bits(p[i]) + shift_left<23>(as_bits(shifted[i])));
}

/// 2^x for x <= 127; exactly 0 from -127 down, and anything finite or NaN for NaN. Minimax polynomials on
/// [-1/2, 1/2] that are 1 at 0: relative error 1e-7 for floats (degree 6), 1e-4 where the result is rounded
/// to bfloat16 (degree 3, a twentieth of the rounding; FlashAttention-4 does the same).
template <bool kRounded>
RW_INLINE Vec exp2_of(Vec x) {
  Vec powers[1] = {x};
  exp2_each<kRounded>(powers);
  return powers[0];
}

/// x = tanh(x) of each, step by step together as in exp2_each: relative error 5e-7, |tanh| <= 1; NaN for NaN.
/// A minimax fit x P(x^2) / Q(x^2) on [0, 8], where tanh is 1 but for 2e-7.
template <int n>
RW_INLINE void tanh_each(Vec (&x)[n]) {
  Vec z[n], s[n], p[n], q[n];
  RW_UNROLL for (int i = 0; i < n; ++i) z[i] = minimum(absolute(x[i]), splat(8.0f));
  RW_UNROLL for (int i = 0; i < n; ++i) s[i] = z[i] * z[i];
  RW_UNROLL for (int i = 0; i < n; ++i) p[i] = splat(1.14283253e-5f), q[i] = splat(2.45918056e-7f);
  horner(q, s, 2.38667845e-4f);
  horner(p, s, 2.95101419e-3f);
  horner(q, s, 2.38155142e-2f);
  horner(p, s, 1.29256538e-1f);
  horner(q, s, 4.62588693e-1f);
  horner(p, s, 9.99999854e-1f);
  horner(q, s, 1.0f);
  RW_UNROLL for (int i = 0; i < n; ++i) {
    const Bits sign = as_bits(x[i]) & splat_wide<std::uint32_t>(0x80000000u);
    x[i] = as_floats(as_bits(z[i] * p[i] / q[i]) | sign);
  }
}
RW_INLINE Vec tanh_of(Vec x) {
  Vec one[1] = {x};
  tanh_each(one);
  return one[0];
}
/// Numbers bent so that none leaves (-cap, cap).
RW_INLINE Vec capped(Vec x, Vec cap, Vec inverse) { return cap * tanh_of(x * inverse); }

/// Floats rounded to the nearest-even bfloat16, in the upper halves. A NaN stays one, whatever its bits are:
/// rounding those of some would end at 0 or infinity.
RW_INLINE Bits rounded_bf16(Vec v) {
  const Bits u = as_bits(v), odd = shift_right<16>(u) & splat_wide<std::uint32_t>(1u);
  const Bits quiet = u | splat_wide<std::uint32_t>(0x400000u);
  Bits rounded = u + splat_wide<std::uint32_t>(0x7fffu) + odd;
  RW_UNROLL for (int i = 0; i < kParts; ++i) rounded.part[i] =
      v.part[i] != v.part[i] ? quiet.part[i] : rounded.part[i];
  return rounded & splat_wide<std::uint32_t>(0xffff0000u);
}
RW_INLINE void store_bf16(std::uint16_t* p, Vec v) {
  const Bits rounded = shift_right<16>(rounded_bf16(v));
  typedef std::uint16_t Half __attribute__((vector_size(32 / kParts)));
  RW_UNROLL for (int i = 0; i < kParts; ++i) {
    const Half half = __builtin_convertvector(rounded.part[i], Half);
    __builtin_memcpy(p + i * (kLanes / kParts), &half, sizeof half);
  }
}

/// 16 whole numbers of 8 bits.
RW_INLINE Vec from_int8(const std::int8_t* p) {
#ifdef __AVX512F__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {{reinterpret_cast<Vec::Part>(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)))}};
#elif defined(__AVX2__)
  Vec v;
  RW_UNROLL for (int i = 0; i < 2; ++i) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8 * i));
    v.part[i] = reinterpret_cast<Vec::Part>(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)));
  }
  return v;
#elif defined(RW_NEON)
  const int8x16_t bytes = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
#else
  float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i) lanes[i] = static_cast<float>(p[i]);
  return load(lanes);
#endif
}

/// to (16, 16) = from (16, 16 at stride) with rows and columns exchanged; 32-bit words.
RW_INLINE void transpose(const std::uint32_t* from, std::int64_t stride, std::uint32_t* to) {
#ifdef __AVX512F__
  __m512i r[16], s[16];
  RW_UNROLL for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(from + i * stride);
  RW_UNROLL for (int i = 0; i < 16; i += 2) {  // pairs of rows, then of pairs, then lanes of four words
    s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  RW_UNROLL for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  RW_UNROLL for (int i = 0; i < 4; ++i) {
    s[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    s[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    s[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    s[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  RW_UNROLL for (int i = 0; i < 4; ++i) {
    _mm512_storeu_si512(to + 16 * i, _mm512_shuffle_i32x4(s[i], s[i + 8], 0x88));
    _mm512_storeu_si512(to + 16 * (i + 4), _mm512_shuffle_i32x4(s[i + 4], s[i + 12], 0x88));
    _mm512_storeu_si512(to + 16 * (i + 8), _mm512_shuffle_i32x4(s[i], s[i + 8], 0xdd));
    _mm512_storeu_si512(to + 16 * (i + 12), _mm512_shuffle_i32x4(s[i + 4], s[i + 12], 0xdd));
  }
#elif defined(RW_NEON)
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 16; j += 4) {  // squares of four
      uint32x4_t r[4];
      RW_UNROLL for (int k = 0; k < 4; ++k) r[k] = vld1q_u32(from + (i + k) * stride + j);
      const uint32x4_t a = vzip1q_u32(r[0], r[2]), b = vzip2q_u32(r[0], r[2]), c = vzip1q_u32(r[1], r[3]),
                       d = vzip2q_u32(r[1], r[3]);
      vst1q_u32(to + j * 16 + i, vzip1q_u32(a, c));
      vst1q_u32(to + (j + 1) * 16 + i, vzip2q_u32(a, c));
      vst1q_u32(to + (j + 2) * 16 + i, vzip1q_u32(b, d));
      vst1q_u32(to + (j + 3) * 16 + i, vzip2q_u32(b, d));
    }
#else
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) to[j * 16 + i] = from[i * stride + j];
#endif
}

/// Operands of float products. kRows x kVecs vectors of sums stay in registers.
struct Singles {
  using T = float;    // elements as they are stored
  using Row = float;  // and as micro reads those of a
  using B = Vec;
  static constexpr bool kTiles = false, kWidens = false;
  static constexpr bool kRounded = false;  // weights are rounded to bfloat16
  static constexpr int kStep = 1;          // elements of the inner dimension that stand together
  static constexpr int kRows = kSingleRows, kVecs = kSingleVecs, kPanels = kVecs;
  static constexpr int kBlockRows = kTileRows;  // of attention_tile.h
  RW_INLINE B vector(const T* b) { return load(b); }
  RW_INLINE Vec multiply_add(Vec sum, const Row* a, B b) { return sum + splat(*a) * b; }
  RW_INLINE void store_weights(T* p, Vec first, Vec second) { store(p, first), store(p + kLanes, second); }
};

/// Operands that are rounded to bfloat16 and lie as floats, widened once for many rows: the same bits as
/// SplitPairs.
struct WidePairs : Singles {
  static constexpr bool kRounded = true;
  RW_INLINE void store_weights(T* p, Vec first, Vec second) {
    store(p, as_floats(rounded_bf16(first)));
    store(p + kLanes, as_floats(rounded_bf16(second)));
  }
};

/// Operands of bfloat16 products where the machine has none: a bfloat16 is the upper half of a float32, so a
/// vector of pairs is split into two of floats. Rows are widened to floats before they are used (kWidens).
struct SplitPairs {
  using T = std::uint16_t;
  using Row = float;
  struct B {
    Vec first, second;
  };
  static constexpr bool kTiles = false, kWidens = true, kRounded = true;
  static constexpr int kStep = 2, kRows = kPairRows, kVecs = kPairVecs, kPanels = 4;
  static constexpr int kBlockRows = kTileRows;
  RW_INLINE B split(Bits pairs) {
    return {as_floats(shift_left<16>(pairs)), as_floats(pairs & splat_wide<std::uint32_t>(0xffff0000u))};
  }
  RW_INLINE B vector(const T* b) { return split(load_wide<std::uint32_t>(b)); }
  RW_INLINE Vec multiply_add(Vec sum, const Row* a, B b) {
    return (sum + splat(a[0]) * b.first) + splat(a[1]) * b.second;
  }
  RW_INLINE void store_weights(T* p, Vec first, Vec second) {
    store_bf16(p, first);
    store_bf16(p + kLanes, second);
  }
};
