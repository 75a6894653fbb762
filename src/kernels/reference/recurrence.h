// SPDX-License-Identifier: Apache-2.0
/// The recurrences of kernels/recurrence.h by their definition: sums in double, states in float32.
#pragma once
#include <cmath>
#include <vector>

#include "kernels/recurrence.h"

namespace rw {

inline void convolve_by_definition(const ConvolutionTask& task, const Convolution& c) {
  const Index n_before = c.n_taps - 1;
  std::vector<float> x(static_cast<std::size_t>(n_before + task.n_rows));  // of one channel
  for (Index channel = 0; channel < c.width; ++channel) {
    for (Index t = 0; t < n_before; ++t) x[static_cast<std::size_t>(t)] = task.columns[t * c.width + channel];
    for (Index t = 0; t < task.n_rows; ++t)
      x[static_cast<std::size_t>(n_before + t)] = task.x[t * c.width + channel];
    for (Index t = 0; t < task.n_rows; ++t) {
      double sum = c.bias != nullptr ? static_cast<double>(c.bias[channel]) : 0;
      for (Index j = 0; j < c.n_taps; ++j)
        sum += static_cast<double>(c.taps[channel * c.n_taps + j]) *
               static_cast<double>(x[static_cast<std::size_t>(t + j)]);
      task.x[t * c.width + channel] = static_cast<float>(c.silu ? sum / (1 + std::exp(-sum)) : sum);
    }
    for (Index t = 0; t < n_before; ++t)
      task.columns[t * c.width + channel] = x[static_cast<std::size_t>(task.n_rows + t)];
  }
}

/// One row of one head: out (value_dim), state (key_dim, value_dim).
inline void recur_by_definition(const Recurrence& r, const RecurrenceGate& gate, double skip, const float* q,
                                const float* k, const float* v, float* state, float* out) {
  for (Index c = 0; c < r.value_dim; ++c) {
    double seen = 0, sum = 0;
    for (Index i = 0; i < r.key_dim; ++i)
      seen += static_cast<double>(gate.decay) * static_cast<double>(state[i * r.value_dim + c]) *
              static_cast<double>(k[i]);
    const double value = static_cast<double>(v[c]);
    const double u = static_cast<double>(gate.weight) * (r.delta ? value - seen : value);
    for (Index i = 0; i < r.key_dim; ++i) {
      float& s = state[i * r.value_dim + c];
      s = static_cast<float>(static_cast<double>(gate.decay) * static_cast<double>(s) +
                             static_cast<double>(k[i]) * u);
      sum += static_cast<double>(s) * static_cast<double>(q[i]);
    }
    out[c] = static_cast<float>(sum + skip * value);
  }
}

inline void recur_by_definition(const RecurrenceTask& task, const Recurrence& r) {
  const Index keys = r.n_key_heads * r.key_dim, size = r.key_dim * r.value_dim;
  for (Index t = 0; t < task.n_rows; ++t)
    for (Index head = 0; head < r.n_heads; ++head) {
      const Index at = t * r.n_heads + head, key = t * keys + r.key_head(head) * r.key_dim;
      recur_by_definition(
          r, recurrence_gate(r, head, task.step[at], task.weight != nullptr ? task.weight[at] : 0),
          r.skip != nullptr ? static_cast<double>(r.skip[head]) : 0, task.q + key, task.k + key,
          task.v + at * r.value_dim, task.state + head * size, task.out + at * r.value_dim);
    }
}

}  // namespace rw
