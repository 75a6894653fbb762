// SPDX-License-Identifier: Apache-2.0
/// Norms, activations and rotations backward, and the gradient of cross-entropy: what works row by row.
// (no include guard: each instruction set compiles its own copy)

// ---------------------------------------------------------------- norms

/// With z the row before weights, u = w dy: dx += scale (u - mean(u) (kLayer) - z mean(z u)).
template <bool kCentred>
RW_INLINE void norm_backward_as(const NormBackward& b) {
  const RowMoments m = moments<kCentred>(b.x, b.n);
  const float scale = 1.0f / __builtin_sqrtf(m.mean_square + b.norm.eps);
  const Vec scales = splat(scale), mean = splat(m.mean), rest = splat(m.rest);
  const auto z = [&](std::int64_t i, std::int64_t n) __attribute__((always_inline)) {
    const Vec x = load_some(b.x + i, n);
    return (kCentred ? x - mean - rest : x) * scales;
  };
  const auto u = [&](std::int64_t i, std::int64_t n) __attribute__((always_inline)) {
    const Vec dy = load_some(b.dy + i, n);
    return b.norm.weight != nullptr ? dy * load_some(b.norm.weight + i, n) : dy;
  };
  Vec sum = splat(0.0f), along = splat(0.0f);
  for (std::int64_t i = 0; i < b.n; i += kLanes) {  // beyond the row u is 0
    const Vec v = u(i, b.n - i);
    if constexpr (kCentred) sum = sum + v;
    along = along + v * z(i, b.n - i);
  }
  const auto count = static_cast<float>(b.n);
  const Vec mean_u = splat(kCentred ? reduce_add(sum) / count : 0.0f),
            mean_zu = splat(reduce_add(along) / count);
  for (std::int64_t i = 0; i < b.n; i += kLanes) {
    const std::int64_t n = b.n - i;
    const Vec at = z(i, n), dy = load_some(b.dy + i, n);
    const Vec d = (kCentred ? u(i, n) - mean_u : u(i, n)) - at * mean_zu;
    store_some(b.dx + i, load_some(b.dx + i, n) + scales * d, n);
    if (b.d_weight != nullptr) store_some(b.d_weight + i, load_some(b.d_weight + i, n) + at * dy, n);
    if (b.d_bias != nullptr) store_some(b.d_bias + i, load_some(b.d_bias + i, n) + dy, n);
  }
}

static void norm_backward(const NormBackward& b) {
  if (b.norm.kind == NormKind::kRms)
    norm_backward_as<false>(b);
  else
    norm_backward_as<true>(b);
}

// ---------------------------------------------------------------- activations

/// An activation and its derivative at x.
struct Slope {
  Vec value, slope;
};
RW_INLINE Slope slope_of(Silu, Vec x) {
  const Vec one = splat(1.0f), power = minimum(x * splat(-1.44269504f), splat(127.0f));
  const Vec s = one / (one + exp2_of<false>(power)), value = x * s;
  return {value, s + value * (one - s)};
}
/// Phi(x) + x phi(x), by the fit of Gelu.
RW_INLINE Slope slope_of(Gelu, Vec x) {
  const Vec z = minimum(absolute(x), splat(14.0f)), t = splat(1.0f) / (splat(1.0f) + splat(0.3f) * z);
  const Vec power = exp2_of<false>(z * z * splat(-0.72134752f));  // e^(-x^2 / 2)
  const Vec tail = normal_tail(t) * power;                        // Phi(-|x|)
  const Vec phi = where_positive(x, splat(1.0f) - tail, tail);
  return {where_positive(x, x - z * tail, x * tail), phi + x * power * splat(0.39894228f)};
}
RW_INLINE Slope slope_of(GeluTanh, Vec x) {
  const Vec one = splat(1.0f), square = x * x;
  const Vec u = absolute(x * (splat(2.30220819f) + splat(1.02943240e-1f) * square));
  const Vec e = exp2_of<false>(splat(0.0f) - u), inverse = one / (one + e);
  const Vec s = where_positive(x, inverse, e * inverse);  // 1 / (1 + e^(-2 u))
  const Vec du = splat(1.59576912f) + splat(2.14070640e-1f) * square;
  return {x * s, s + x * (e * inverse * inverse) * du};
}
RW_INLINE Slope slope_of(Relu2, Vec x) {
  const Vec y = maximum(splat(0.0f), x);
  return {y * y, y + y};
}
RW_INLINE Slope slope_of(Relu, Vec x) {
  return {maximum(splat(0.0f), x), where_positive(x, splat(1.0f), x * splat(0.0f))};  // NaN stays
}
RW_INLINE Slope slope_of(Sigmoid, Vec x) {
  const Vec one = splat(1.0f), power = minimum(x * splat(-1.44269504f), splat(127.0f));
  const Vec s = one / (one + exp2_of<false>(power));
  return {s, s * (one - s)};
}
RW_INLINE Slope slope_of(Identity, Vec x) { return {x, splat(1.0f)}; }

template <class A>
static void activate_backward(const ActivationBackward& b) {
  for (std::int64_t i = 0; i < b.n; i += kLanes) {
    const std::int64_t n = b.n - i;
    const Vec up = load_some(b.up + i, n), dh = load_some(b.dh + i, n);
    if (b.gate == nullptr) {
      store_some(b.d_up + i, dh * slope_of(A{}, up).slope, n);
      continue;
    }
    const Slope s = slope_of(A{}, load_some(b.gate + i, n));
    store_some(b.d_gate + i, dh * up * s.slope, n);
    store_some(b.d_up + i, dh * s.value, n);
  }
}

static void soft_cap_backward(const float* y, const float* dy, std::int64_t n, float cap, float* dx) {
  const Vec inverse = splat(1.0f / cap);
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Vec part = load_some(y + i, n - i) * inverse;
    store_some(dx + i, load_some(dy + i, n - i) * (splat(1.0f) - part * part), n - i);
  }
}

// ---------------------------------------------------------------- softmax, rotations

static void exp_scaled(float* x, std::int64_t n, float top, float factor) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Vec power = exp2_of<false>((load_some(x + i, n - i) - splat(top)) * splat(1.44269504f));
    store_some(x + i, power * splat(factor), n - i);
  }
}

static void add_rotated_back(const RowRotation& r, const float* x, float* y) {
  const Vec gain = splat(r.gain), rest = splat(r.rest);
  for (int m = 0; m < r.half; m += kLanes) {
    const std::int64_t n = r.half - m;
    const Vec a = load_some(x + m, n), b = load_some(x + m + r.half, n);
    const Vec c = load_some(r.cosine + m, n), s = load_some(r.sine + m, n);
    float *first = y + m, *second = y + m + r.half;
    store_some(first, load_some(first, n) + gain * (a * c + b * s), n);
    store_some(second, load_some(second, n) + gain * (b * c - a * s), n);
  }
  for (int d = 2 * r.half; d < r.head_dim; d += kLanes) {
    const std::int64_t n = r.head_dim - d;
    store_some(y + d, load_some(y + d, n) + rest * load_some(x + d, n), n);
  }
}
