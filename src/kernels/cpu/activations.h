// SPDX-License-Identifier: Apache-2.0
/// What stands between two products of a feed-forward layer, written once over vectors of 16 floats (vec.h).
// (no include guard: each instruction set compiles its own copy)

/// Each takes x and up (kGated: what it is multiplied with).
struct Silu {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    const Vec power = minimum(x * splat(-1.44269504f), splat(127.0f));
    const Vec y = x / (splat(1.0f) + exp2_of<false>(power));
    return kGated ? y * up : y;
  }
};

/// P(t) t of Phi(-z) = t P(t) e^(-z^2 / 2), t = 1 / (1 + 0.3 z), for z >= 0: a minimax fit of 1.5e-7 up to
/// 14, from where on e^(-z^2 / 2) is 0. Phi is the normal distribution's.
RW_INLINE Vec normal_tail(Vec t) {
  Vec p = splat(3.5674187e-2f) * t + splat(-1.57200396e-1f);
  p = p * t + splat(2.06348479e-1f);
  p = p * t + splat(-5.36786653e-2f);
  p = p * t + splat(1.285588e-1f);
  p = p * t + splat(9.99143943e-2f);
  p = p * t + splat(1.20753802e-1f);
  p = p * t + splat(1.1962931e-1f);
  return p * t;
}

/// x Phi(x). Far from 0 nothing is lost: neither 1 + erf(x) nor 1 - Phi(x) is formed for a negative x.
struct Gelu {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    const Vec z = minimum(absolute(x), splat(14.0f)), t = splat(1.0f) / (splat(1.0f) + splat(0.3f) * z);
    const Vec tail = normal_tail(t) * exp2_of<false>(z * z * splat(-0.72134752f));  // Phi(-|x|)
    const Vec y = where_positive(x, x - z * tail, x * tail);
    return kGated ? y * up : y;
  }
};

/// (1 + tanh(u)) / 2 = 1 / (1 + e^(-2 u)): for a negative x as e / (1 + e) of e = e^(-2 |u|), which never
/// overflows.
struct GeluTanh {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    // 2 log2(e) sqrt(2 / pi), and that times 0.044715
    const Vec u = absolute(x * (splat(2.30220819f) + splat(1.02943240e-1f) * (x * x)));
    const Vec e = exp2_of<false>(splat(0.0f) - u);
    const Vec y = where_positive(x, x, x * e) / (splat(1.0f) + e);
    return kGated ? y * up : y;
  }
};

struct Relu2 {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    const Vec y = maximum(splat(0.0f), x);  // in this order NaN stays
    return kGated ? y * y * up : y * y;
  }
};

struct Relu {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    const Vec y = maximum(splat(0.0f), x);  // in this order NaN stays
    return kGated ? y * up : y;
  }
};

struct SwigluClamped {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    const Vec seven = splat(7.0f), g = minimum(x, seven);  // in this order NaN stays
    const Vec power = minimum(g * splat(-1.702f * 1.44269504f), splat(127.0f));
    const Vec y = g / (splat(1.0f) + exp2_of<false>(power));
    return kGated ? y * (maximum(splat(-7.0f), minimum(up, seven)) + splat(1.0f)) : y;
  }
};

struct Sigmoid {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    const Vec power = minimum(x * splat(-1.44269504f), splat(127.0f));
    const Vec y = splat(1.0f) / (splat(1.0f) + exp2_of<false>(power));
    return kGated ? y * up : y;
  }
};

struct Identity {
  template <bool kGated>
  static RW_MEMBER Vec of(Vec x, Vec up) {
    return kGated ? x * up : x;
  }
};

/// The last elements pass a buffer; copying all of them through one made this four times slower.
template <class A, bool kGated>
RW_INLINE void activate_all(float* x, const float* up, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    store(x + i, A::template of<kGated>(load(x + i), kGated ? load(up + i) : splat(1.0f)));
  if (i == n) return;
  store_some(x + i,
             A::template of<kGated>(load_some(x + i, n - i), kGated ? load_some(up + i, n - i) : splat(1.0f)),
             n - i);
}

template <class A>
static void activate(float* x, const float* up, std::int64_t n) {
  if (up != nullptr)
    activate_all<A, true>(x, up, n);
  else
    activate_all<A, false>(x, up, n);
}

/// Of a namespace, in Activation's order.
#define RW_ACTIVATIONS(isa)                                                               \
  {                                                                                       \
    isa::activate<isa::Silu>, isa::activate<isa::Gelu>, isa::activate<isa::GeluTanh>,     \
        isa::activate<isa::Relu2>, isa::activate<isa::Relu>, isa::activate<isa::Sigmoid>, \
        isa::activate<isa::Identity>, isa::activate<isa::SwigluClamped>                   \
  }
