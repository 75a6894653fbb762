// SPDX-License-Identifier: Apache-2.0
/// Convolutions and recurrences over vectors of 16 floats. Part of generic.h, as it is.
// (no include guard: each instruction set compiles its own copy)

/// 16 channels or fewer.
static void convolve(const ConvolutionChannels& c) {
  float lanes[kMostConvolutionTaps][kLanes] = {};
  for (int j = 0; j < c.n_taps; ++j)
    for (std::int64_t i = 0; i < c.n; ++i) lanes[j][i] = c.taps[i * c.n_taps + j];
  Vec taps[kMostConvolutionTaps], before[kMostConvolutionTaps];
  for (int j = 0; j < c.n_taps; ++j) taps[j] = load(lanes[j]);
  const int n_before = c.n_taps - 1;
  for (int j = 0; j < n_before; ++j) before[j] = load_some(c.columns + j * c.stride, c.n);
  const Vec bias = c.bias != nullptr ? load_some(c.bias, c.n) : splat(0.0f);
  for (std::int64_t t = 0; t < c.n_rows; ++t) {
    const Vec x = load_some(c.x + t * c.stride, c.n);
    Vec sum = bias;
    for (int j = 0; j < n_before; ++j) sum = sum + taps[j] * before[j];
    sum = sum + taps[n_before] * x;
    for (int j = 0; j + 1 < n_before; ++j) before[j] = before[j + 1];
    before[n_before - 1] = x;
    store_some(c.x + t * c.stride, c.silu ? Silu::of<false>(sum, sum) : sum, c.n);
  }
  for (int j = 0; j < n_before; ++j) store_some(c.columns + j * c.stride, before[j], c.n);
}

/// NV vectors of value columns of one head, from `at` on: what a row reads and writes of the state stays in
/// L1.
template <int NV>
RW_INLINE void recur_columns(const RecurrenceColumns& c, std::int64_t at) {
  const Vec skip = splat(c.skip);
  float* const state = c.state + at;
  for (std::int64_t t = 0; t < c.n_rows; ++t) {
    const float *k = c.k + t * c.key_stride, *q = c.q + t * c.key_stride, *v = c.v + t * c.value_stride + at;
    const Vec decay = splat(c.decay[t * c.gate_stride]), weight = splat(c.weight[t * c.gate_stride]);
    Vec u[NV], out[NV];
    RW_UNROLL for (int z = 0; z < NV; ++z) u[z] = load(v + 16 * z);
    if (c.delta) {
      Vec seen[2][NV];  // even and odd keys apart: one sum would wait for itself
      RW_UNROLL for (int z = 0; z < NV; ++z) seen[0][z] = seen[1][z] = splat(0.0f);
      std::int64_t i = 0;
      for (; i + 2 <= c.key_dim; i += 2) RW_UNROLL for (int odd = 0; odd < 2; ++odd) {
          const Vec key = splat(k[i + odd]);
          RW_UNROLL for (int z = 0; z < NV; ++z) seen[odd][z] =
              seen[odd][z] + key * load(state + (i + odd) * c.state_stride + 16 * z);
        }
      if (i < c.key_dim)
        RW_UNROLL for (int z = 0; z < NV; ++z) seen[0][z] =
            seen[0][z] + splat(k[i]) * load(state + i * c.state_stride + 16 * z);
      RW_UNROLL for (int z = 0; z < NV; ++z) u[z] = u[z] - decay * (seen[0][z] + seen[1][z]);
    }
    RW_UNROLL for (int z = 0; z < NV; ++z) u[z] = weight * u[z];
    RW_UNROLL for (int z = 0; z < NV; ++z) out[z] = skip * load(v + 16 * z);
    for (std::int64_t i = 0; i < c.key_dim; ++i) {
      const Vec key = splat(k[i]), query = splat(q[i]);
      float* row = state + i * c.state_stride;
      RW_UNROLL for (int z = 0; z < NV; ++z) {
        const Vec s = decay * load(row + 16 * z) + key * u[z];
        store(row + 16 * z, s);
        out[z] = out[z] + query * s;
      }
    }
    RW_UNROLL for (int z = 0; z < NV; ++z) store(c.out + t * c.value_stride + at + 16 * z, out[z]);
  }
}

/// Columns that fill no vector.
static void recur_few(const RecurrenceColumns& c, std::int64_t at, std::int64_t n) {
  for (std::int64_t t = 0; t < c.n_rows; ++t) {
    const float *k = c.k + t * c.key_stride, *q = c.q + t * c.key_stride;
    const float decay = c.decay[t * c.gate_stride], weight = c.weight[t * c.gate_stride];
    for (std::int64_t column = at; column < at + n; ++column) {
      float* const state = c.state + column;
      const float v = c.v[t * c.value_stride + column];
      float seen = 0, out = c.skip * v;
      for (std::int64_t i = 0; c.delta && i < c.key_dim; ++i) seen += k[i] * state[i * c.state_stride];
      const float u = weight * (c.delta ? v - decay * seen : v);
      for (std::int64_t i = 0; i < c.key_dim; ++i) {
        const float s = decay * state[i * c.state_stride] + k[i] * u;
        state[i * c.state_stride] = s;
        out += q[i] * s;
      }
      c.out[t * c.value_stride + column] = out;
    }
  }
}

static void recur(const RecurrenceColumns& c) {
  std::int64_t at = 0;
  for (; at + 2 * kLanes <= c.n_columns; at += 2 * kLanes) recur_columns<2>(c, at);
  for (; at + kLanes <= c.n_columns; at += kLanes) recur_columns<1>(c, at);
  if (at < c.n_columns) recur_few(c, at, c.n_columns - at);
}
