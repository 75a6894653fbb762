// SPDX-License-Identifier: Apache-2.0
/// Convolutions and recurrences backward, over vectors of 16 floats. Part of training_kernels.h, as it is.
// (no include guard: each instruction set compiles its own copy)

/// The gradient by a row of x is whole n_taps - 1 rows later: until then it waits in `waiting`.
static void convolve_backward(const ConvolutionBackward& b) {
  float lanes[kMostConvolutionTaps][kLanes] = {};
  for (int j = 0; j < b.n_taps; ++j)
    for (std::int64_t i = 0; i < b.n; ++i) lanes[j][i] = b.taps[i * b.n_taps + j];
  const int last = b.n_taps - 1;
  Vec taps[kMostConvolutionTaps], rows[kMostConvolutionTaps], waiting[kMostConvolutionTaps],
      d_taps[kMostConvolutionTaps], d_bias = splat(0.0f);
  for (int j = 0; j < b.n_taps; ++j) {
    taps[j] = load(lanes[j]);
    rows[j] = waiting[j] = d_taps[j] = splat(0.0f);
  }
  const Vec bias = b.bias != nullptr ? load_some(b.bias, b.n) : splat(0.0f);
  for (std::int64_t t = 0; t < b.n_rows; ++t) {
    rows[last] = load_some(b.x + t * b.stride, b.n);
    Vec sum = bias;
    for (int j = 0; j < b.n_taps; ++j) sum = sum + taps[j] * rows[j];
    const Vec dy = load_some(b.dy + t * b.stride, b.n), d = b.silu ? dy * slope_of(Silu{}, sum).slope : dy;
    d_bias = d_bias + d;
    for (int j = 0; j < b.n_taps; ++j) {
      waiting[j] = waiting[j] + taps[j] * d;
      d_taps[j] = d_taps[j] + rows[j] * d;
    }
    if (t >= last) store_some(b.dx + (t - last) * b.stride, waiting[0], b.n);
    for (int j = 0; j < last; ++j) rows[j] = rows[j + 1], waiting[j] = waiting[j + 1];
    waiting[last] = splat(0.0f);
  }
  for (int j = 0; j < last; ++j)  // of the last rows, the oldest first
    if (const std::int64_t t = b.n_rows - last + j; t >= 0) store_some(b.dx + t * b.stride, waiting[j], b.n);
  for (int j = 0; b.d_taps != nullptr && j < b.n_taps; ++j) {
    store(lanes[j], d_taps[j]);
    for (std::int64_t i = 0; i < b.n; ++i) b.d_taps[i * b.n_taps + j] += lanes[j][i];
  }
  if (b.d_bias != nullptr) store_some(b.d_bias, load_some(b.d_bias, b.n) + d_bias, b.n);
}

/// The states of one column, `keys` lanes wide, and what is left of its values.
template <bool kDelta>
RW_INLINE void recur_again(const RecurrenceBackward& b) {
  for (std::int64_t t = 0; t < b.n_rows; ++t) {
    const float *before = b.states + t * b.keys, *k = b.k + t * b.keys;
    float* after = b.states + (t + 1) * b.keys;
    const Vec decay = splat(b.decay[t]);
    float left = b.v[t * b.stride];
    if constexpr (kDelta) {
      Vec seen = splat(0.0f);
      for (std::int64_t i = 0; i < b.keys; i += kLanes) seen = seen + load(before + i) * load(k + i);
      left -= b.decay[t] * reduce_add(seen);
    }
    b.left[t] = left, b.u[t] = b.weight[t] * left;
    const Vec u = splat(b.u[t]);
    for (std::int64_t i = 0; i < b.keys; i += kLanes)
      store(after + i, decay * load(before + i) + load(k + i) * u);
  }
}

template <bool kDelta>
RW_INLINE void recur_backward_as(const RecurrenceBackward& b) {
  recur_again<kDelta>(b);
  for (std::int64_t t = b.n_rows; t-- > 0;) {
    const float *before = b.states + t * b.keys, *after = before + b.keys;
    const float *q = b.q + t * b.keys, *k = b.k + t * b.keys;
    float *d_q = b.d_q + t * b.keys, *d_k = b.d_k + t * b.keys;
    const Vec d_out = splat(b.d_out[t * b.stride]), u = splat(b.u[t]), decay = splat(b.decay[t]);
    Vec along = splat(0.0f);
    for (std::int64_t i = 0; i < b.keys; i += kLanes) {
      const Vec d = load(b.d_state + i) + load(q + i) * d_out;
      store(b.d_state + i, d);
      store(d_q + i, load(d_q + i) + load(after + i) * d_out);
      store(d_k + i, load(d_k + i) + d * u);
      along = along + d * load(k + i);
    }
    const float d_u = reduce_add(along), e = b.weight[t] * d_u;
    b.d_weight[t] += d_u * b.left[t];
    b.d_v[t * b.stride] = e + b.skip * b.d_out[t * b.stride];
    const Vec errors = splat(e), seen = splat(b.decay[t] * e);
    Vec d_decay = splat(0.0f);
    for (std::int64_t i = 0; i < b.keys; i += kLanes) {
      Vec d = load(b.d_state + i);
      const Vec s = load(before + i);
      if constexpr (kDelta) {
        store(d_k + i, load(d_k + i) - seen * s);
        d = d - load(k + i) * errors;
      }
      d_decay = d_decay + d * s;
      store(b.d_state + i, decay * d);
    }
    b.d_decay[t] += reduce_add(d_decay);
  }
}

static void recur_backward(const RecurrenceBackward& b) {
  if (b.delta)
    recur_backward_as<true>(b);
  else
    recur_backward_as<false>(b);
}
