// SPDX-License-Identifier: Apache-2.0
/// Weights as their file stores them, written once for all formats (quant/formats) and instruction sets:
/// expanded to panels for many rows of x, multiplied where they lie for a few.
// (no include guard: each instruction set compiles its own copy)
#include "quant/all_formats.h"
//
#include "kernels/cpu/expand.h"

// ---------------------------------------------------------------- rows of x in 8 bits

/// As round_to_int8 (pack.h), in each kQuantGroup inputs.
static void quantise(const float* x, std::int64_t n, const QuantisedRow& out) {
  for (std::int64_t at = 0; at < n; at += kQuantGroup) {
    std::int8_t* q = out.q + at;
    const float scale = round_to_int8(x + at, kQuantGroup, q);
    int sums[2] = {};
    for (int i = 0; i < kQuantGroup; i += 4) {
      const int four = q[i] + q[i + 1] + q[i + 2] + q[i + 3];
      out.balance[(at + i) / 4] = -128 * four;
      sums[i / 16] += four;
    }
    for (int half = 0; half < 2; ++half) {
      out.scale[0][at / 16 + half] = scale;
      out.sum[0][at / 16 + half] = scale * static_cast<float>(sums[half]);
    }
    out.scale[1][at / 32] = scale;
    out.sum[1][at / 32] = scale * static_cast<float>(sums[0] + sums[1]);
  }
}

// ---------------------------------------------------------------- dot products

#if defined(__AVX2__) || defined(RW_NEON)
#include "kernels/cpu/quads.h"
#endif

/// Lane l of 16 = the sum of w[4 l + i] x[4 l + i] over i < 4, as floats.
template <bool kSigned>
RW_INLINE Vec quad_sums(const std::int8_t* w, const std::int8_t* x,
                        [[maybe_unused]] const std::int32_t* balance) {
#ifdef __AVX512VNNI__
  __m512i a = _mm512_loadu_si512(w), sum = _mm512_setzero_si512();  // vpdpbusd: unsigned times signed
  if constexpr (kSigned) {
    a = _mm512_xor_si512(a, _mm512_set1_epi8(-128));
    sum = _mm512_loadu_si512(balance);
  }
  sum = _mm512_dpbusd_epi32(sum, a, _mm512_loadu_si512(x));
  return {{reinterpret_cast<Vec::Part>(_mm512_cvtepi32_ps(sum))}};
#elif defined(__AVX512BW__)
  // |w| <= 128 and |x| <= 127: pairs stay below 2^15, where vpmaddubsw would cut them.
  const __m512i a = _mm512_loadu_si512(w), b = _mm512_loadu_si512(x), zero = _mm512_setzero_si512();
  const __m512i turned = kSigned ? _mm512_mask_sub_epi8(b, _mm512_movepi8_mask(a), zero, b) : b;
  const __m512i pairs = _mm512_maddubs_epi16(kSigned ? _mm512_abs_epi8(a) : a, turned);
  const __m512i sum = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
  return {{reinterpret_cast<Vec::Part>(_mm512_cvtepi32_ps(sum))}};
#elif defined(__AVX2__)
  Vec v;
  RW_UNROLL for (int i = 0; i < 2; ++i) {
    __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 32 * i));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 32 * i));
    constexpr int raise = kSigned ? raise_of(-128) : 0;
    if constexpr (raise != 0) a = _mm256_add_epi8(a, all_bytes(raise));
    const __m256i sums = quads<kSigned, raise>(a, b, balance + 8 * i);
    v.part[i] = reinterpret_cast<Vec::Part>(_mm256_cvtepi32_ps(sums));
  }
  return v;
#elif defined(RW_NEON)
  Vec v;
  RW_UNROLL for (int i = 0; i < kParts; ++i) v.part[i] =
      vcvtq_f32_s32(quads(vld1q_s8(w + 16 * i), vld1q_s8(x + 16 * i)));
  return v;
#else
  float sums[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    int sum = 0;
    for (int i = 0; i < 4; ++i) sum += w[4 * lane + i] * x[4 * lane + i];
    sums[lane] = static_cast<float>(sum);
  }
  return load(sums);
#endif
}

/// The scales of 64 weights over 16 lanes: two of them for groups of 32, four for groups of 16.
template <int kGroup>
RW_INLINE Vec spread(const float* scale) {
#ifdef __AVX512F__
  const __m512i each = kGroup == 32 ? _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
                                    : _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  const __m512 four = _mm512_castps128_ps512(_mm_loadu_ps(scale));
  return {{reinterpret_cast<Vec::Part>(_mm512_permutexvar_ps(each, four))}};
#elif defined(RW_NEON)
  Vec v;
  RW_UNROLL for (int i = 0; i < kParts; ++i) v.part[i] = vdupq_n_f32(scale[16 * i / kGroup]);
  return v;
#else
  float lanes[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = scale[4 * lane / kGroup];
  return load(lanes);
#endif
}

/// Part of a row of weights, unpacked.
struct UnpackedPart {
  std::int8_t q[kQuantPart + kQuantStep];
  float scale[kQuantPart / 16 + 16], minimum[kQuantPart / 16 + 16];  // of formats that are not plain
  std::uint32_t fours[kQuantPart / 32 + 16];                         // first 4 bytes of plain ones
};

constexpr std::int64_t kAhead = 4096;  // bytes: the hardware's own prefetching ends with the page

template <class F>
RW_INLINE void unpack_part(const std::uint8_t* block, std::int64_t n_blocks, UnpackedPart& part) {
  constexpr int kGroups = F::kWeights / F::kGroup;
  auto one = [&](std::int64_t b) __attribute__((always_inline)) {
    const std::uint8_t* p = block + b * F::kBytes;
    if constexpr (F::kPlain)
      part.fours[b] = u32_at(p);
    else
      F::scales(p, part.scale + b * kGroups, part.minimum + b * kGroups);
  };
  std::int64_t b = 0;
  if constexpr (requires(const std::uint8_t* p, std::int8_t* q) { F::unpack_two(p, q); })
    for (; b + 2 <= n_blocks; b += 2) {
      __builtin_prefetch(block + b * F::kBytes + kAhead);
      F::unpack_two(block + b * F::kBytes, part.q + b * F::kWeights);
      one(b);
      one(b + 1);
    }
  for (; b < n_blocks; ++b) {
    for (int line = 0; line < F::kBytes; line += 64)
      __builtin_prefetch(block + b * F::kBytes + kAhead + line);
    F::unpack(block + b * F::kBytes, part.q + b * F::kWeights);
    one(b);
  }
}

/// Scales and minima of 16 groups from group g.
template <class F>
RW_INLINE void sixteen_scales(const UnpackedPart& part, std::int64_t g, Vec& scale, Vec& minimum) {
  if constexpr (!F::kPlain) {
    scale = load(part.scale + g), minimum = load(part.minimum + g);
  } else {
#ifdef __AVX512F__
    const __m512i both = _mm512_loadu_si512(part.fours + g), upper = _mm512_srli_epi32(both, 16);
    const __m256 low = first_scales<F>(_mm512_castsi512_si256(both)),
                 high = first_scales<F>(_mm512_extracti64x4_epi64(both, 1));
    scale.part[0] = reinterpret_cast<Vec::Part>(_mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1));
    minimum.part[0] = reinterpret_cast<Vec::Part>(_mm512_cvtph_ps(_mm512_cvtepi32_epi16(upper)));
#else
    float d[kLanes], m[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      const auto* at = reinterpret_cast<const std::uint8_t*>(part.fours + g + i);
      d[i] = first_scale<F>(at), m[i] = half_at(at + 2);
    }
    scale = load(d), minimum = load(m);
#endif
  }
}

#if defined(RW_NEON) && defined(__ARM_FEATURE_MATMUL_INT8)
#define RW_MATRIX_DOTS
#include "kernels/cpu/matrix_dots.h"
#else
/// <weights, x> over n inputs (at most kQuantPart) from input `at` of x, before the lanes are added.
template <class F>
RW_INLINE Vec quantised_part(const UnpackedPart& part, const QuantisedRow& x, std::int64_t at,
                             std::int64_t n) {
  constexpr int kSize = F::kGroup / 32;  // index of the group's size in x
  const std::int64_t n_groups = n / F::kGroup, first = at / F::kGroup;
  float both[kQuantPart / 16 + 16];  // read four at a time, to the last one
  Vec sum = splat(0.0f);
  for (std::int64_t g = 0; g < n_groups; g += kLanes) {
    Vec scale, minimum;
    sixteen_scales<F>(part, g, scale, minimum);
    store(both + g, scale * load(x.scale[kSize] + first + g));
    if constexpr (!F::kSigned) sum = sum + minimum * load(x.sum[kSize] + first + g);
  }
  for (std::int64_t i = 0; i < n; i += kQuantStep)
    sum = sum + quad_sums<F::kSigned>(part.q + i, x.q + at + i, x.balance + (at + i) / 4) *
                    spread<F::kGroup>(both + i / F::kGroup);
  return sum;
}
#endif

#ifdef __AVX2__
#include "kernels/cpu/register_dots.h"
#endif

constexpr int kDotRows = 8;  // rows of x for which a weight is unpacked once

/// y of 16 outputs or fewer from the lanes of their sums: lanes (16, kLanes).
RW_INLINE void put_sums(const Dots& d, std::int64_t x, std::int64_t o, std::int64_t n, const float* lanes) {
  float sums[kLanes];
#ifdef __AVX512F__
  float turned[kLanes * kLanes];
  transpose(reinterpret_cast<const std::uint32_t*>(lanes), kLanes, reinterpret_cast<std::uint32_t*>(turned));
  Vec sum = load(turned);
  for (int i = 1; i < kLanes; ++i) sum = sum + load(turned + i * kLanes);
  store(sums, sum);
#else
  for (int i = 0; i < n; ++i) sums[i] = reduce_add(load(lanes + i * kLanes));
#endif
  float* y = d.y + x * d.y_stride + o;
  if (d.bias != nullptr)
    for (std::int64_t i = 0; i < n; ++i) sums[i] += d.bias[o + i];
  if (d.scale != 1)
    for (std::int64_t i = 0; i < n; ++i) sums[i] *= d.scale;
  if (d.add)
    for (std::int64_t i = 0; i < n; ++i) sums[i] += y[i];
  for (std::int64_t i = 0; i < n; ++i) y[i] = sums[i];
}

/// Rows that are unpacked before the first of them is multiplied: a load that needs several stores waits
/// until they have left the store buffer, and by then they have (reading a row at once cost a fifth of the
/// time).
constexpr int kSlots = 4;

/// Calls unpack(slot, row, at, n) for the parts of each row, then part(slot, x, at, n), which returns its
/// lanes for row x of x, and adds them.
template <class Unpack, class Part>
RW_INLINE void for_outputs(const Dots& d, Unpack unpack, Part part) {
  float lanes[kDotRows * kLanes * kLanes];
  for (std::int64_t x = 0; x < d.n_x; x += kDotRows) {
    const std::int64_t n_x = d.n_x - x < kDotRows ? d.n_x - x : kDotRows;
    for (std::int64_t o = d.begin; o < d.end; o += kLanes) {
      const std::int64_t n_o = d.end - o < kLanes ? d.end - o : kLanes;
      for (std::int64_t i = 0; i < n_o; i += kSlots) {
        const std::int64_t n_slots = n_o - i < kSlots ? n_o - i : kSlots;
        for (std::int64_t at = 0; at < d.n_in; at += kQuantPart) {
          const std::int64_t n = d.n_in - at < kQuantPart ? d.n_in - at : kQuantPart;
          for (std::int64_t slot = 0; slot < n_slots; ++slot) unpack(slot, d.rows[o + i + slot], at, n);
          for (std::int64_t slot = 0; slot < n_slots; ++slot)
            for (std::int64_t r = 0; r < n_x; ++r) {
              float* sum = lanes + (r * kLanes + i + slot) * kLanes;
              const Vec more = part(slot, x + r, at, n);
              store(sum, at == 0 ? more : load(sum) + more);
            }
        }
      }
      for (std::int64_t r = 0; r < n_x; ++r) put_sums(d, x + r, o, n_o, lanes + r * kLanes * kLanes);
    }
  }
}

#ifdef __AVX2__
/// The same to the bit as below.
template <class F>
static void dots_in_registers(const Dots& d) {
  float lanes[kLanes * kLanes];
  for (std::int64_t o = d.begin; o < d.end; o += kLanes) {
    const std::int64_t n_o = d.end - o < kLanes ? d.end - o : kLanes;
    for (std::int64_t i = 0; i < n_o; ++i) {
      float* sum = lanes + i * kLanes;
      for (std::int64_t at = 0; at < d.n_in; at += kQuantPart) {  // rows as they lie: memory is read ahead
        const std::int64_t n = d.n_in - at < kQuantPart ? d.n_in - at : kQuantPart;
        const Vec part =
            register_part<F>(d.rows[o + i] + at / F::kWeights * F::kBytes, d.quantised[0], at, n);
        store(sum, at == 0 ? part : load(sum) + part);
      }
    }
    put_sums(d, 0, o, n_o, lanes);
  }
}
#endif

#ifdef __AVX2__
#include "kernels/cpu/many_dots.h"
#endif

#ifdef RW_MATRIX_DOTS
/// Several rows of x: two of them, and two of weights, at a time.
template <class F>
static void dots_in_matrices(const Dots& d) {
  PairedPart w;
  const std::int64_t most = d.n_in < kQuantPart ? d.n_in : kQuantPart;
  for (UnpackedPart& part : w.part) {  // beyond the row, zeros of x must meet finite numbers
    const std::int64_t g = most / F::kGroup, b = most / 32;
    for (int i = 0; i < 16; ++i) part.scale[g + i] = part.minimum[g + i] = 0, part.fours[b + i] = 0;
  }
  float lanes[kDotRows * kLanes * kLanes];
  for (std::int64_t x = 0; x < d.n_x; x += kDotRows) {
    const std::int64_t n_x = d.n_x - x < kDotRows ? d.n_x - x : kDotRows;
    for (std::int64_t o = d.begin; o < d.end; o += kLanes) {
      const std::int64_t n_o = d.end - o < kLanes ? d.end - o : kLanes;
      for (std::int64_t i = 0; i < n_o; i += 2)
        for (std::int64_t at = 0; at < d.n_in; at += kQuantPart) {
          const std::int64_t n = d.n_in - at < kQuantPart ? d.n_in - at : kQuantPart;
          for (int r = 0; r < 2; ++r)  // the last row again, where there are no more
            unpack_part<F>(d.rows[i + r < n_o ? o + i + r : d.end - 1] + at / F::kWeights * F::kBytes,
                           n / F::kWeights, w.part[r]);
          w.interleave(n);
          const auto put = [&](std::int64_t row, int r, Vec more) __attribute__((always_inline)) {
            float* sum = lanes + (row * kLanes + i + r) * kLanes;
            store(sum, at == 0 ? more : load(sum) + more);
          };
          std::int64_t row = 0;
          for (; row + 2 <= n_x; row += 2) {
            Vec sums[2][2];
            quantised_pairs<F>(w, d.quantised + x + row, at, n, sums);
            for (int r = 0; r < 2; ++r) put(row, r, sums[r][0]), put(row + 1, r, sums[r][1]);
          }
          for (int r = 0; row < n_x && r < 2; ++r)
            put(row, r, quantised_part<F>(w.part[r], d.quantised[x + row], at, n));
        }
      for (std::int64_t r = 0; r < n_x; ++r) put_sums(d, x + r, o, n_o, lanes + r * kLanes * kLanes);
    }
  }
}
#endif

template <class F>
static void dots_quantised(const Dots& d) {
#ifdef __AVX2__
  if constexpr (InRegisters<F>) return d.n_x == 1 ? dots_in_registers<F>(d) : dots_of_many<F>(d);
#endif
#ifdef RW_MATRIX_DOTS
  if (d.n_x > 1) return dots_in_matrices<F>(d);
#endif
  UnpackedPart parts[kSlots];
  const std::int64_t n = d.n_in < kQuantPart ? d.n_in : kQuantPart;
  for (UnpackedPart& part : parts) {  // beyond the row, zeros of x must meet finite numbers
    for (std::int64_t i = n; i < n + kQuantStep; ++i) part.q[i] = 0;
    for (std::int64_t g = n / F::kGroup; g < n / F::kGroup + 16; ++g) part.scale[g] = part.minimum[g] = 0;
    for (std::int64_t b = n / 32; b < n / 32 + 16; ++b) part.fours[b] = 0;
  }
  for_outputs(
      d,
      [&](std::int64_t slot, const std::uint8_t* row, std::int64_t at, std::int64_t n_part)
          __attribute__((always_inline)) {
            unpack_part<F>(row + at / F::kWeights * F::kBytes, n_part / F::kWeights, parts[slot]);
          },
      [&](std::int64_t slot, std::int64_t x, std::int64_t at, std::int64_t n_part) __attribute__((
          always_inline)) { return quantised_part<F>(parts[slot], d.quantised[x], at, n_part); });
}

/// The same in floats: for formats of floats, and where x must not be rounded.
template <class F>
static void dots_f32(const Dots& d) {
  float w[kSlots * kQuantPart];
  for_outputs(
      d,
      [&](std::int64_t slot, const std::uint8_t* row, std::int64_t at, std::int64_t n)
          __attribute__((always_inline)) { widen_weights<F>(row, at, n, w + slot * kQuantPart); },
      [&](std::int64_t slot, std::int64_t x, std::int64_t at, std::int64_t n) __attribute__((always_inline)) {
        const float *row = d.x + x * d.n_in + at, *weights = w + slot * kQuantPart;
        Vec sums[2] = {splat(0.0f), splat(0.0f)};
        std::int64_t i = 0;
        for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
          sums[0] = sums[0] + load(weights + i) * load(row + i);
          sums[1] = sums[1] + load(weights + i + kLanes) * load(row + i + kLanes);
        }
        float rest[kLanes] = {};
        for (; i < n; ++i) rest[i % kLanes] += weights[i] * row[i];
        return sums[0] + sums[1] + load(rest);
      });
}

template <class F>
static void widen_row(const std::uint8_t* row, std::int64_t n, float* out) {
  widen_weights<F>(row, 0, n, out);
}

template <class F>
static WeightKernels kernels_of() {
  WeightKernels kernels{nullptr, expand_floats<F, false>, nullptr, dots_f32<F>, widen_row<F>};
  if constexpr (kWideBf16)
    kernels.expand_bf16 = expand_floats<F, true>;
  else
    kernels.expand_bf16 = expand_pairs<F>;
  if constexpr (F::kGroup != 0) kernels.dots_quantised = dots_quantised<F>;
  return kernels;
}

static WeightKernels weight_kernels(int ggml_type) {
#define RW_CASE(F) \
  if (ggml_type == F::kType) return kernels_of<F>();
  RW_FORMATS(RW_CASE)
#undef RW_CASE
  return {};
}
