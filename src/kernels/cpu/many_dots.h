// SPDX-License-Identifier: Apache-2.0
/// <weights, x> for several rows of x (texts side by side), to the bit as register_dots.h's for one: a row's
/// scales are read once for all of them, and 32 weights once for four.
// (no include guard: each instruction set compiles its own copy)

/// Scales, and minima where the weights have them, of groups [at, at + kScalesAtOnce) of a row of n_groups.
template <class F>
RW_INLINE void read_factors(const std::uint8_t* row, std::int64_t at, std::int64_t n_groups, __m256* scales,
                            __m256& minima) {
  if constexpr (F::kPlain) {
    const __m256i fours = first_fours<F>(row, at, n_groups);
    scales[0] = first_scales<F>(fours);
    if constexpr (!F::kSigned) minima = eight_halves_of<1>(fours);
  } else {
    constexpr int kEach = kScalesAtOnce<F>;
    float factors[kEach], low[kEach];
    some_scales<F>(row, at, n_groups, factors, low);
    RW_UNROLL for (int e = 0; e < kEach / 8; ++e) scales[e] = _mm256_loadu_ps(factors + 8 * e);
    if constexpr (!F::kSigned) minima = _mm256_loadu_ps(low);
  }
}

/// Those of a part of a row, read once for many rows of x.
template <class F>
struct RowFactors {
  float scale[kQuantPart / F::kGroup + kLanes], minimum[kQuantPart / F::kGroup + kLanes];
  RW_MEMBER void read(const std::uint8_t* row, std::int64_t n_groups) {
    for (std::int64_t at = 0; at < n_groups; at += kScalesAtOnce<F>) {
      __m256 scales[kScalesAtOnce<F> / 8], minima;
      read_factors<F>(row, at, n_groups, scales, minima);
      RW_UNROLL for (int e = 0; e < kScalesAtOnce<F> / 8; ++e)
          _mm256_storeu_ps(scale + at + 8 * e, scales[e]);
      if constexpr (!F::kSigned) _mm256_storeu_ps(minimum + at, minima);
    }
  }
};

/// scale (kX)(n_groups, rounded up to 8) = the weights' scales times those of each x; sum (kX) = what the
/// minima add, before the lanes are added.
template <class F, int kX, class Scales>
RW_INLINE void scales_of(const RowFactors<F>& factors, const QuantisedRow* x, std::int64_t first,
                         std::int64_t n_groups, Scales* scale, Halves* sum) {
  constexpr int kSize = F::kGroup / 32;  // index of the group's size in x
  constexpr int kEach = kScalesAtOnce<F>;
  static_assert(F::kSigned || kEach == 8);  // so that a block's minima are half a vector
  RW_UNROLL for (int i = 0; i < kX; ++i) sum[i] = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
  for (std::int64_t g = 0; g < n_groups; g += 2 * kEach) RW_UNROLL for (int half = 0; half < 2; ++half) {
      const std::int64_t at = g + half * kEach;
      if (at >= n_groups) break;
      __m256 scales[kEach / 8], minima;
      RW_UNROLL for (int e = 0; e < kEach / 8; ++e) scales[e] = _mm256_loadu_ps(factors.scale + at + 8 * e);
      if constexpr (!F::kSigned) minima = _mm256_loadu_ps(factors.minimum + at);
      RW_UNROLL for (int i = 0; i < kX; ++i) {
        RW_UNROLL for (int e = 0; e < kEach / 8; ++e) _mm256_storeu_ps(
            scale[i] + at + 8 * e,
            _mm256_mul_ps(scales[e], _mm256_loadu_ps(x[i].scale[kSize] + first + at + 8 * e)));
        if constexpr (!F::kSigned)
          sum[i].half[half] =
              _mm256_fmadd_ps(minima, _mm256_loadu_ps(x[i].sum[kSize] + first + at), sum[i].half[half]);
      }
    }
}

/// sum (kX) += scale (kX) * (the sums of four products of group g of a block and inputs [at, at + 32) of each
/// x); one scale or two. `half`: of the sums.
template <class F, int kX, class Scales>
RW_INLINE void add_groups(Halves* sum, int half, const std::uint8_t* block, int g, const QuantisedRow* x,
                          std::int64_t at, Scales* scale, std::int64_t first_scale) {
  constexpr int raise = [] {
    if constexpr (F::kSigned) return raise_of(F::kLow);
    return 0;
  }();
  const __m256i w = F::template group<raise>(block, g);
  RW_UNROLL for (int i = 0; i < kX; ++i) {
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x[i].q + at));
    const __m256 sums = _mm256_cvtepi32_ps(quads<F::kSigned, raise>(w, q, x[i].balance + at / 4));
    const float* its = scale[i] + first_scale;
    __m256 scales;
    if constexpr (F::kGroup == 32)
      scales = _mm256_broadcast_ss(its);
    else
      scales =
          _mm256_permutevar_ps(_mm256_castpd_ps(_mm256_broadcast_sd(reinterpret_cast<const double*>(its))),
                               _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
    sum[i].half[half] = _mm256_fmadd_ps(sums, scales, sum[i].half[half]);
  }
}

/// Rows of weights at a time: as many as registers hold.
#ifdef __AVX512F__
constexpr int kRowsOfMany = 2;
#else
constexpr int kRowsOfMany = 1;
#endif

/// As register_parts for kX rows of x: rows and factors (kRowsOfMany), sums (kRowsOfMany)(kX).
template <class F, int kX>
RW_INLINE void parts_of_many(const std::uint8_t* const* rows, const RowFactors<F>* factors,
                             const QuantisedRow* x, std::int64_t at, std::int64_t n, Vec (*sums)[kX]) {
  constexpr int kRows = kRowsOfMany, kEach = 32 / F::kGroup;  // scales of 32 weights
  constexpr int kInBlock = F::kWeights / 32, kTogether = kInBlock == 1 ? 2 : kInBlock;
  const std::int64_t n_steps = n / 32;
  float scale[kRows][kX][kQuantPart / F::kGroup + kLanes];
  Halves sum[kRows][kX];
  RW_UNROLL for (int r = 0; r < kRows; ++r)
      scales_of<F, kX>(factors[r], x, at / F::kGroup, n / F::kGroup, scale[r], sum[r]);
  const std::uint8_t* block[kRows];  // where `step` begins: whole blocks are taken together
  RW_UNROLL for (int r = 0; r < kRows; ++r) block[r] = rows[r];
  const auto add = [&](std::int64_t step, int i) __attribute__((always_inline)) {
    RW_UNROLL for (int r = 0; r < kRows; ++r)
        add_groups<F, kX>(sum[r], i % 2, block[r] + i / kInBlock * F::kBytes, i % kInBlock, x,
                          at + 32 * (step + i), scale[r], kEach * (step + i));
  };
  std::int64_t step = 0;
  for (; step + kTogether <= n_steps; step += kTogether) {
    constexpr int kBytes = kTogether / kInBlock * F::kBytes;
    RW_UNROLL for (int r = 0; r < kRows; ++r) for (int line = 0; line < kBytes; line += 64)
        __builtin_prefetch(block[r] + kAhead + line);
    RW_UNROLL for (int i = 0; i < kTogether; ++i) add(step, i);
    RW_UNROLL for (int r = 0; r < kRows; ++r) block[r] += kBytes;
  }
  RW_UNROLL for (int i = 0; i + 1 < kTogether; ++i) if (step + i < n_steps) add(step, i);
  RW_UNROLL for (int r = 0; r < kRows; ++r) RW_UNROLL for (int i = 0; i < kX; ++i) sums[r][i] =
      joined(sum[r][i]);
}

/// Input [at, at + n) of rows of weights (kRowsOfMany) for rows [x, x + kX) of x: adds to lanes (kX)(16,
/// kLanes).
template <class F, int kX>
RW_INLINE void add_part_of_many(const std::uint8_t* const* rows, const QuantisedRow* x, std::int64_t at,
                                std::int64_t n, const RowFactors<F>* factors, float* lanes) {
  Vec sums[kRowsOfMany][kX];
  parts_of_many<F, kX>(rows, factors, x, at, n, sums);
  for (int r = 0; r < kRowsOfMany; ++r)
    for (int e = 0; e < kX; ++e) {
      float* sum = lanes + (e * kLanes + r) * kLanes;
      store(sum, at == 0 ? sums[r][e] : load(sum) + sums[r][e]);
    }
}

/// A part of a few rows of weights, and their factors, stay in the first cache while rows of x pass; rows of
/// weights pass as they lie: memory is read ahead.
template <class F>
static void dots_of_many(const Dots& d) {
  constexpr std::int64_t kMost = 8;  // rows of x: their lanes, too
  RowFactors<F> factors[kRowsOfMany];
  float lanes[kMost * kLanes * kLanes];
  for (std::int64_t o = d.begin; o < d.end; o += kLanes) {
    const std::int64_t n_o = d.end - o < kLanes ? d.end - o : kLanes;
    for (std::int64_t first = 0; first < d.n_x; first += kMost) {
      const std::int64_t n_x = d.n_x - first < kMost ? d.n_x - first : kMost;
      for (std::int64_t i = 0; i < n_o; i += kRowsOfMany)
        for (std::int64_t at = 0; at < d.n_in; at += kQuantPart) {
          const std::int64_t n = d.n_in - at < kQuantPart ? d.n_in - at : kQuantPart;
          const std::uint8_t* rows[kRowsOfMany];
          for (int r = 0; r < kRowsOfMany; ++r) {  // the last row again, where there are no more
            rows[r] = d.rows[i + r < n_o ? o + i + r : d.end - 1] + at / F::kWeights * F::kBytes;
            factors[r].read(rows[r], n / F::kGroup);
          }
          const QuantisedRow* its = d.quantised + first;
          float* sums = lanes + i * kLanes;
          std::int64_t x = 0;
          for (; x + 4 <= n_x; x += 4)
            add_part_of_many<F, 4>(rows, its + x, at, n, factors, sums + x * kLanes * kLanes);
          if (x + 2 <= n_x) {
            add_part_of_many<F, 2>(rows, its + x, at, n, factors, sums + x * kLanes * kLanes);
            x += 2;
          }
          if (x < n_x) add_part_of_many<F, 1>(rows, its + x, at, n, factors, sums + x * kLanes * kLanes);
        }
      for (std::int64_t x = 0; x < n_x; ++x) put_sums(d, first + x, o, n_o, lanes + x * kLanes * kLanes);
    }
  }
}
