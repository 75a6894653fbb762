// SPDX-License-Identifier: Apache-2.0
/// What works on one row of floats: norms, caps, roundings, and the sums and searches of sampling. Part of
/// generic.h, as it is.
// (no include guard: each instruction set compiles its own copy)

/// The mean of a row, and what is left of it: sums of floats forget some of a row that lies far from 0.
struct RowMoments {
  float mean, rest, mean_square;  // of x; of x - mean; of (x - mean - rest)^2
};

/// Sixteen partial sums: their rounding is far below bfloat16's.
template <bool kCentred>
RW_INLINE RowMoments moments(const float* x, std::int64_t n) {
  const auto count = static_cast<float>(n);
  RowMoments m{};
  Vec sums = splat(0.0f), squares = splat(0.0f);
  std::int64_t i = 0;
  if constexpr (kCentred) {
    for (; i + kLanes <= n; i += kLanes) sums = sums + load(x + i);
    float sum = reduce_add(sums);
    for (; i < n; ++i) sum += x[i];
    m.mean = sum / count;
    sums = splat(0.0f);
  }
  const Vec mean = splat(m.mean);
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const Vec d = kCentred ? load(x + i) - mean : load(x + i);
    squares = squares + d * d;
    if constexpr (kCentred) sums = sums + d;
  }
  float square = reduce_add(squares), rest = kCentred ? reduce_add(sums) : 0.0f;
  for (; i < n; ++i) {
    const float d = kCentred ? x[i] - m.mean : x[i];
    square += d * d;
    if constexpr (kCentred) rest += d;
  }
  m.rest = rest / count;
  m.mean_square = square / count;
  if constexpr (kCentred) m.mean_square = m.mean_square - m.rest * m.rest;
  return m;
}

template <bool kCentred>
RW_INLINE void norm_as(const float* x, std::int64_t n, const RowNorm& r, float* y) {
  const RowMoments m = moments<kCentred>(x, n);
  const float scale = 1.0f / __builtin_sqrtf(m.mean_square + r.eps);
  const Vec scales = splat(scale), mean = splat(m.mean), rest = splat(m.rest);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Vec v = (kCentred ? load(x + i) - mean - rest : load(x + i)) * scales;
    if (r.weight != nullptr) v = v * load(r.weight + i);
    if (r.bias != nullptr) v = v + load(r.bias + i);
    store(y + i, v);
  }
  for (; i < n; ++i) {
    float v = (kCentred ? x[i] - m.mean - m.rest : x[i]) * scale;
    if (r.weight != nullptr) v = v * r.weight[i];
    if (r.bias != nullptr) v = v + r.bias[i];
    y[i] = v;
  }
}

static void norm(const float* x, std::int64_t n, const RowNorm& r, float* y) {
  if (r.kind == NormKind::kRms)
    norm_as<false>(x, n, r, y);
  else
    norm_as<true>(x, n, r, y);
}

static void soft_cap(float* x, std::int64_t n, float cap) {
  const Vec caps = splat(cap), inverse = splat(1.0f / cap);
  for (std::int64_t i = 0; i < n; i += kLanes)
    store_some(x + i, capped(load_some(x + i, n - i), caps, inverse), n - i);
}

static void add_scaled(const float* x, std::int64_t n, float scale, float* y) {
  const Vec scales = splat(scale);
  for (std::int64_t i = 0; i < n; i += kLanes)
    store_some(y + i, load_some(y + i, n - i) + scales * load_some(x + i, n - i), n - i);
}

static void to_bf16(const float* x, std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_bf16(out + i, load(x + i));
  for (; i < n; ++i) {
    float last[kLanes] = {x[i]};
    std::uint16_t rounded[kLanes];
    store_bf16(rounded, load(last));
    out[i] = rounded[0];
  }
}

static void round_to_bf16(const float* x, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes)
    store_some(out + i, as_floats(rounded_bf16(load_some(x + i, n - i))), n - i);
}

/// 16 numbers or fewer, then -infinity.
RW_INLINE Vec load_or_nothing(const float* p, std::int64_t n) {
  if (n >= kLanes) return load(p);
  float lanes[kLanes];
  for (std::int64_t i = 0; i < kLanes; ++i) lanes[i] = i < n ? p[i] : -__builtin_inff();
  return load(lanes);
}

/// Sums run in floats over parts of 64 vectors, whose rounding stays below 1e-6 of the sum, and in double
/// over the parts.
static ExpSum exp_sum(const float* x, std::int64_t n) {
  constexpr std::int64_t kPart = 64 * kLanes;
  const float nothing = -__builtin_inff();
  Vec top = splat(nothing);
  bool numbers = true;
  for (std::int64_t i = 0; i < n; i += 4 * kLanes) {
    Vec v[4];
    RW_UNROLL for (int j = 0; j < 4; ++j) v[j] = load_or_nothing(x + i + j * kLanes, n - i - j * kLanes);
    numbers &= none_above(v[0], v[1], v[2], v[3], splat(3.40282347e+38f));
    top = maximum(top, maximum(maximum(v[0], v[1]), maximum(v[2], v[3])));
  }
  ExpSum result{reduce_max(top), __builtin_nan("")};
  if (!numbers || result.top == nothing) return result;
  double sums[kLanes] = {};
  for (std::int64_t begin = 0; begin < n; begin += kPart) {
    Vec part = splat(0.0f);
    for (std::int64_t i = begin; i < n && i < begin + kPart; i += kLanes)
      part = part + exp2_of<false>((load_or_nothing(x + i, n - i) - splat(result.top)) * splat(1.44269504f));
    float lanes[kLanes];
    store(lanes, part);
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += static_cast<double>(lanes[lane]);
  }
  result.sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) result.sum += sums[lane];
  return result;
}

static std::int64_t next_above(const float* x, std::int64_t begin, std::int64_t n, float least) {
  const Vec top = splat(least);
  std::int64_t i = begin;
  while (i + 4 * kLanes <= n && none_above(load(x + i), load(x + i + kLanes), load(x + i + 2 * kLanes),
                                           load(x + i + 3 * kLanes), top))
    i += 4 * kLanes;
  while (i < n && x[i] <= least) ++i;
  return i;
}
