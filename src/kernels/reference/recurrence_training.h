// SPDX-License-Identifier: Apache-2.0
/// Convolutions and recurrences of training by their definition: double, all states of a head at once.
#pragma once
#include <cmath>
#include <vector>

#include "kernels/reference/activated.h"
#include "kernels/training.h"

namespace rw {

/// The sum before the activation: of channel c in row t of a text that begins at row `begin`.
inline double convolution_sum(const Convolution& c, const double* x, Index begin, Index t, Index channel) {
  double sum = c.bias != nullptr ? static_cast<double>(c.bias[channel]) : 0;
  for (Index j = 0; j < c.n_taps; ++j)
    if (const Index row = t - c.n_taps + 1 + j; row >= begin)
      sum += static_cast<double>(c.taps[channel * c.n_taps + j]) * x[row * c.width + channel];
  return sum;
}

inline void convolve_by_definition(const double* x, std::span<const Index> borders, const Convolution& c,
                                   double* y) {
  for (std::size_t text = 0; text + 1 < borders.size(); ++text)
    for (Index t = borders[text]; t < borders[text + 1]; ++t)
      for (Index channel = 0; channel < c.width; ++channel) {
        const double sum = convolution_sum(c, x, borders[text], t, channel);
        y[t * c.width + channel] = c.silu ? activated(Activation::kSilu, sum) : sum;
      }
}

inline void convolve_backward_by_definition(const double* x, const double* dy, std::span<const Index> borders,
                                            const Convolution& c, double* dx, double* d_taps,
                                            double* d_bias) {
  std::fill_n(dx, borders.back() * c.width, 0.0);
  for (std::size_t text = 0; text + 1 < borders.size(); ++text)
    for (Index t = borders[text]; t < borders[text + 1]; ++t)
      for (Index channel = 0; channel < c.width; ++channel) {
        double d = dy[t * c.width + channel];
        if (c.silu) d *= activated_slope(Activation::kSilu, convolution_sum(c, x, borders[text], t, channel));
        if (d_bias != nullptr) d_bias[channel] += d;
        for (Index j = 0; j < c.n_taps; ++j) {
          const Index row = t - c.n_taps + 1 + j, tap = channel * c.n_taps + j;
          if (row < borders[text]) continue;
          dx[row * c.width + channel] += d * static_cast<double>(c.taps[tap]);
          if (d_taps != nullptr) d_taps[tap] += d * x[row * c.width + channel];
        }
      }
}

/// One head of one text.
class DefinedRecurrence {
 public:
  using Rows = TrainingRecurrence<double>;
  DefinedRecurrence(const Rows& rows, const Recurrence& r, std::size_t text, Index head)
      : rows_(rows), r_(r), begin_(rows.borders[text]), end_(rows.borders[text + 1]), head_(head) {
    const auto rate = static_cast<double>(r.rate[head]);
    rate_ = r.rate_is_log ? -std::exp(rate) : rate;
    const auto size = static_cast<std::size_t>(r.key_dim * r.value_dim);
    states_.assign(static_cast<std::size_t>(end_ - begin_ + 1) * size, 0.0);
    for (Index t = begin_; t < end_; ++t) step(t);
  }

  void backward() const {
    std::vector<double> d_state(static_cast<std::size_t>(r_.key_dim * r_.value_dim));
    for (Index t = end_; t-- > begin_;) step_back(t, d_state);
  }

 private:
  Index scalar(Index t) const { return t * r_.n_heads + head_; }
  Index value(Index t) const { return scalar(t) * r_.value_dim; }
  Index key(Index t) const { return (t * r_.n_key_heads + r_.key_head(head_)) * r_.key_dim; }
  /// (value_dim, key_dim) before row t
  double* state(Index t) { return states_.data() + (t - begin_) * r_.key_dim * r_.value_dim; }
  const double* state(Index t) const { return states_.data() + (t - begin_) * r_.key_dim * r_.value_dim; }
  ExactGate gate(Index t) const {
    return exact_gate(r_, head_, rate_, rows_.step[scalar(t)],
                      rows_.weight != nullptr ? rows_.weight[scalar(t)] : 0);
  }
  double skip() const { return r_.skip != nullptr ? static_cast<double>(r_.skip[head_]) : 0; }
  /// v - S'^T k with delta, else v: of value column c in row t
  double value_left(Index t, Index c, double decay) const {
    const double *before = state(t) + c * r_.key_dim, *k = rows_.k + key(t);
    double left = rows_.v[value(t) + c];
    for (Index i = 0; r_.delta && i < r_.key_dim; ++i) left -= decay * before[i] * k[i];
    return left;
  }

  void step(Index t) {
    const ExactGate g = gate(t);
    const double *q = rows_.q + key(t), *k = rows_.k + key(t);
    for (Index c = 0; c < r_.value_dim; ++c) {
      const double *before = state(t) + c * r_.key_dim, u = g.weight * value_left(t, c, g.decay);
      double* after = state(t + 1) + c * r_.key_dim;
      double sum = skip() * rows_.v[value(t) + c];
      for (Index i = 0; i < r_.key_dim; ++i) {
        after[i] = g.decay * before[i] + k[i] * u;
        sum += after[i] * q[i];
      }
      rows_.out[value(t) + c] = sum;
    }
  }

  void step_back(Index t, std::vector<double>& d_states) const {
    const ExactGate g = gate(t);
    const double *q = rows_.q + key(t), *k = rows_.k + key(t);
    double *d_q = rows_.d_q + key(t), *d_k = rows_.d_k + key(t);
    double d_decay = 0, d_gate = 0;
    for (Index c = 0; c < r_.value_dim; ++c) {
      const double *before = state(t) + c * r_.key_dim, *after = state(t + 1) + c * r_.key_dim;
      double* d_state = d_states.data() + c * r_.key_dim;
      const double d_out = rows_.d_out[value(t) + c], v = rows_.v[value(t) + c];
      const double left = value_left(t, c, g.decay), u = g.weight * left;
      double d_u = 0;
      for (Index i = 0; i < r_.key_dim; ++i) {
        d_state[i] += q[i] * d_out;
        d_q[i] += after[i] * d_out;
        d_k[i] += d_state[i] * u;
        d_u += d_state[i] * k[i];
      }
      const double e = g.weight * d_u;
      d_gate += d_u * left;
      rows_.d_v[value(t) + c] = e + skip() * d_out;
      if (rows_.d_skip != nullptr) rows_.d_skip[head_] += d_out * v;
      for (Index i = 0; i < r_.key_dim; ++i) {
        if (r_.delta) {
          d_k[i] -= g.decay * before[i] * e;
          d_state[i] -= k[i] * e;
        }
        d_decay += d_state[i] * before[i];
        d_state[i] *= g.decay;
      }
    }
    gate_back(t, g, d_decay, d_gate);
  }

  void gate_back(Index t, const ExactGate& g, double d_decay, double d_gate) const {
    const double d_s = d_decay * g.decay * rate_ + (r_.delta ? 0 : d_gate), d_step = d_s * g.slope;
    rows_.d_step[scalar(t)] = d_step;
    if (r_.delta) rows_.d_weight[scalar(t)] = d_gate * g.weight * (1 - g.weight);
    if (rows_.d_step_bias != nullptr) rows_.d_step_bias[head_] += d_step;
    if (rows_.d_rate != nullptr)
      rows_.d_rate[head_] += d_decay * g.decay * g.step * (r_.rate_is_log ? rate_ : 1);
  }

  const Rows& rows_;
  const Recurrence& r_;
  Index begin_, end_, head_;
  double rate_ = 0;
  std::vector<double> states_;  // (n + 1, value_dim, key_dim): before each row, and behind the last
};

}  // namespace rw
