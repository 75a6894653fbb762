// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/recurrence_backward.h"

#include <cmath>

#include "core/error.h"

namespace rw::cpu {
namespace {

constexpr Index kStateColumns = 2 * kLanes;  // of a state that a job of the forward goes through at once

Index whole_lanes(Index n) { return (n + kLanes - 1) / kLanes * kLanes; }
std::size_t n_texts_of(std::span<const Index> borders) { return borders.size() - 1; }

using Rows = TrainingRecurrence<float>;
using Thread = TrainingRecurrenceSpace::Thread;

Thread& thread_of(TrainingRecurrenceSpace& space, int thread) {
  return space.threads[static_cast<std::size_t>(thread)];
}

/// Heads of a wave: enough items that all threads end together.
Index heads_at_once(Index n_heads, Index n_texts, Index threads) {
  return std::min(n_heads, (4 * threads + n_texts - 1) / n_texts);
}

void compute_gates(const Rows& rows, const Recurrence& r, Context& context, TrainingRecurrenceSpace& space) {
  const Index n = rows.n_rows() * r.n_heads;
  space.decay.reserve(n), space.weight.reserve(n);
  context.parallel_blocks(n, 256, [&](Index begin, Index end) {
    for (Index at = begin; at < end; ++at) {
      const RecurrenceGate gate =
          recurrence_gate(r, at % r.n_heads, rows.step[at], rows.weight != nullptr ? rows.weight[at] : 0);
      space.decay[at] = gate.decay, space.weight[at] = gate.weight;
    }
  });
}

float skip_of(const Recurrence& r, Index head) { return r.skip != nullptr ? r.skip[head] : 0; }

/// The state of a head before a row that is kept: (value_dim, key_dim).
float* kept_state(const Rows& rows, const Recurrence& r, Index row, Index head) {
  return rows.states + (row / kStateRows * r.n_heads + head) * r.key_dim * r.value_dim;
}

/// Some value columns of one head through one text.
void recur_text(const Rows& rows, const Recurrence& r, std::size_t text, Index head, Index column,
                const Isa& isa, const TrainingRecurrenceSpace& space, Buffer<float>& state) {
  const Index keys = r.n_key_heads * r.key_dim, values = r.n_heads * r.value_dim,
              key = r.key_head(head) * r.key_dim, value = head * r.value_dim + column,
              n_columns = std::min(kStateColumns, r.value_dim - column), end = rows.borders[text + 1];
  state.reserve(r.key_dim * kStateColumns);
  std::fill_n(state.data(), r.key_dim * kStateColumns, 0.0f);
  for (Index at = rows.borders[text], next = at; at < end; at = next) {
    next = std::min(end, (at / kStateRows + 1) * kStateRows);
    if (at % kStateRows == 0 && at > rows.borders[text]) {
      float* kept = kept_state(rows, r, at, head) + column * r.key_dim;
      for (Index c = 0; c < n_columns; ++c)
        for (Index i = 0; i < r.key_dim; ++i) kept[c * r.key_dim + i] = state[i * kStateColumns + c];
    }
    isa.recur({.q = rows.q + at * keys + key,
               .k = rows.k + at * keys + key,
               .v = rows.v + at * values + value,
               .decay = space.decay.data() + at * r.n_heads + head,
               .weight = space.weight.data() + at * r.n_heads + head,
               .out = rows.out + at * values + value,
               .state = state.data(),
               .key_stride = keys,
               .value_stride = values,
               .gate_stride = r.n_heads,
               .state_stride = kStateColumns,
               .n_rows = next - at,
               .key_dim = r.key_dim,
               .n_columns = n_columns,
               .skip = skip_of(r, head),
               .delta = r.delta});
  }
}

/// One head of one text, backward: chunks of rows from the last one on, each column by itself.
class HeadBackward {
 public:
  HeadBackward(const Rows& rows, const Recurrence& r, std::size_t text, Index head, const Isa& isa,
               const TrainingRecurrenceSpace& space, Thread& scratch)
      : rows_(rows),
        r_(r),
        begin_(rows.borders[text]),
        end_(rows.borders[text + 1]),
        head_(head),
        width_(whole_lanes(r.key_dim)),
        isa_(isa),
        space_(space),
        scratch_(scratch) {}

  struct Sums {
    double rate = 0, step_bias = 0, skip = 0;
  };
  /// d_q, d_k: (n_rows, key_dim at stride) =
  Sums run(float* d_q, float* d_k, Index stride) {
    const Index part = kStateRows * width_;
    scratch_.rows.reserve(4 * part + 6 * kStateRows);
    scratch_.states.reserve(part + width_);
    scratch_.d_state.reserve(r_.value_dim * width_);
    std::fill_n(scratch_.d_state.data(), r_.value_dim * width_, 0.0f);
    float* from = scratch_.rows.data();
    q_ = from, k_ = from + part, d_q_ = from + 2 * part, d_k_ = from + 3 * part, from += 4 * part;
    for (float** line : {&decay_, &weight_, &d_decay_, &d_weight_, &left_, &u_})
      *line = from, from += kStateRows;
    for (Index end = end_; end > begin_;) {
      const Index begin = std::max(begin_, (end - 1) / kStateRows * kStateRows), n = end - begin;
      gather(begin, n);
      for (Index column = 0; column < r_.value_dim; ++column) column_backward(begin, n, column);
      for (Index t = 0; t < n; ++t) {
        std::copy_n(d_q_ + t * width_, r_.key_dim, d_q + (begin + t) * stride);
        std::copy_n(d_k_ + t * width_, r_.key_dim, d_k + (begin + t) * stride);
        gate_backward(begin + t, static_cast<double>(d_decay_[t]), static_cast<double>(d_weight_[t]));
      }
      end = begin;
    }
    return sums_;
  }

 private:
  void gather(Index begin, Index n) {
    const Index keys = r_.n_key_heads * r_.key_dim, key = r_.key_head(head_) * r_.key_dim;
    std::fill_n(q_, 4 * kStateRows * width_, 0.0f);
    for (Index t = 0; t < n; ++t) {
      const Index row = begin + t, at = row * r_.n_heads + head_;
      std::copy_n(rows_.q + row * keys + key, r_.key_dim, q_ + t * width_);
      std::copy_n(rows_.k + row * keys + key, r_.key_dim, k_ + t * width_);
      decay_[t] = space_.decay[at], weight_[t] = space_.weight[at];
      d_decay_[t] = d_weight_[t] = 0;
      const float *v = rows_.v + at * r_.value_dim, *d_out = rows_.d_out + at * r_.value_dim;
      for (Index c = 0; r_.skip != nullptr && c < r_.value_dim; ++c)
        sums_.skip += static_cast<double>(v[c]) * static_cast<double>(d_out[c]);
    }
  }
  void column_backward(Index begin, Index n, Index column) {
    float* state = scratch_.states.data();
    std::fill_n(state, width_, 0.0f);
    if (begin > begin_)
      std::copy_n(kept_state(rows_, r_, begin, head_) + column * r_.key_dim, r_.key_dim, state);
    const Index value = (begin * r_.n_heads + head_) * r_.value_dim + column;
    isa_.training.recur_backward({.q = q_,
                                  .k = k_,
                                  .v = rows_.v + value,
                                  .d_out = rows_.d_out + value,
                                  .decay = decay_,
                                  .weight = weight_,
                                  .states = state,
                                  .left = left_,
                                  .u = u_,
                                  .d_state = scratch_.d_state.data() + column * width_,
                                  .d_q = d_q_,
                                  .d_k = d_k_,
                                  .d_v = rows_.d_v + value,
                                  .d_decay = d_decay_,
                                  .d_weight = d_weight_,
                                  .stride = r_.n_heads * r_.value_dim,
                                  .n_rows = n,
                                  .keys = width_,
                                  .skip = skip_of(r_, head_),
                                  .delta = r_.delta});
  }
  void gate_backward(Index row, double d_decay, double d_gate) {
    const Index at = row * r_.n_heads + head_;
    const auto rate = static_cast<double>(rate_of(r_, head_));
    const ExactGate g = exact_gate(r_, head_, rate, static_cast<double>(rows_.step[at]),
                                   rows_.weight != nullptr ? static_cast<double>(rows_.weight[at]) : 0);
    const double d_step = (d_decay * g.decay * rate + (r_.delta ? 0 : d_gate)) * g.slope;
    rows_.d_step[at] = static_cast<float>(d_step);
    if (r_.delta) rows_.d_weight[at] = static_cast<float>(d_gate * g.weight * (1 - g.weight));
    sums_.step_bias += d_step;
    sums_.rate += d_decay * g.decay * g.step * (r_.rate_is_log ? rate : 1);
  }

  const Rows& rows_;
  const Recurrence& r_;
  Index begin_, end_, head_, width_;
  const Isa& isa_;
  const TrainingRecurrenceSpace& space_;
  Thread& scratch_;
  Sums sums_;
  float *q_ = nullptr, *k_ = nullptr, *d_q_ = nullptr, *d_k_ = nullptr;  // (kStateRows, width)
  float *decay_ = nullptr, *weight_ = nullptr, *d_decay_ = nullptr, *d_weight_ = nullptr;  // (kStateRows)
  float *left_ = nullptr, *u_ = nullptr;
};

/// d_q, d_k += what heads [first, first + n) left apart, in their order.
void add_heads(const Rows& rows, const Recurrence& r, Index first, Index n, Context& context, const Isa& isa,
               const TrainingRecurrenceSpace& space) {
  context.parallel_blocks(rows.n_rows(), 16, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row)
      for (Index i = 0; i < n; ++i) {
        const Index to = (row * r.n_key_heads + r.key_head(first + i)) * r.key_dim,
                    from = (row * n + i) * r.key_dim;
        isa.add_scaled(space.d_q.data() + from, r.key_dim, 1, rows.d_q + to);
        isa.add_scaled(space.d_k.data() + from, r.key_dim, 1, rows.d_k + to);
      }
  });
}

}  // namespace

void convolve(const float* x, std::span<const Index> borders, const Convolution& c, float* y,
              Context& context, const Isa& isa, TrainingRecurrenceSpace& space) {
  RW_CHECK(c.n_taps >= 2 && c.n_taps <= kMostTaps);
  space.threads.resize(static_cast<std::size_t>(context.threads()));
  for (Thread& thread : space.threads) thread.before.reserve((c.n_taps - 1) * c.width);
  context.parallel_blocks(borders.back() * c.width, 1 << 16,
                          [&](Index begin, Index end) { std::copy(x + begin, x + end, y + begin); });
  context.parallel_for((c.width + kLanes - 1) / kLanes, [&](Index block, int thread) {
    const Index first = block * kLanes, n = std::min<Index>(kLanes, c.width - first);
    float* before = thread_of(space, thread).before.data() + first;
    for (std::size_t text = 0; text < n_texts_of(borders); ++text) {
      for (Index t = 0; t + 1 < c.n_taps; ++t) std::fill_n(before + t * c.width, n, 0.0f);
      isa.convolve({.x = y + borders[text] * c.width + first,
                    .taps = c.taps + first * c.n_taps,
                    .bias = c.bias != nullptr ? c.bias + first : nullptr,
                    .columns = before,
                    .stride = c.width,
                    .n_rows = borders[text + 1] - borders[text],
                    .n = n,
                    .n_taps = c.n_taps,
                    .silu = c.silu});
    }
  });
}

void convolve_backward(const float* x, const float* dy, std::span<const Index> borders, const Convolution& c,
                       float* dx, float* d_taps, float* d_bias, Context& context, const Isa& isa) {
  RW_CHECK(c.n_taps >= 2 && c.n_taps <= kMostTaps);
  context.parallel_for((c.width + kLanes - 1) / kLanes, [&](Index block, int) {
    const Index first = block * kLanes;
    for (std::size_t text = 0; text < n_texts_of(borders); ++text) {
      const Index at = borders[text] * c.width + first;
      isa.training.convolve_backward({.x = x + at,
                                      .dy = dy + at,
                                      .dx = dx + at,
                                      .taps = c.taps + first * c.n_taps,
                                      .bias = c.bias != nullptr ? c.bias + first : nullptr,
                                      .d_taps = d_taps != nullptr ? d_taps + first * c.n_taps : nullptr,
                                      .d_bias = d_bias != nullptr ? d_bias + first : nullptr,
                                      .stride = c.width,
                                      .n_rows = borders[text + 1] - borders[text],
                                      .n = std::min<Index>(kLanes, c.width - first),
                                      .n_taps = c.n_taps,
                                      .silu = c.silu});
    }
  });
}

void recur(const TrainingRecurrence<float>& rows, const Recurrence& r, Context& context, const Isa& isa,
           TrainingRecurrenceSpace& space) {
  RW_CHECK(r.n_key_heads > 0 && r.n_heads % r.n_key_heads == 0);
  space.threads.resize(static_cast<std::size_t>(context.threads()));
  compute_gates(rows, r, context, space);
  const Index n_blocks = (r.value_dim + kStateColumns - 1) / kStateColumns, per_text = r.n_heads * n_blocks;
  context.parallel_for(static_cast<Index>(n_texts_of(rows.borders)) * per_text, [&](Index job, int thread) {
    recur_text(rows, r, static_cast<std::size_t>(job / per_text), job % per_text / n_blocks,
               job % n_blocks * kStateColumns, isa, space, thread_of(space, thread).state);
  });
}

void recur_backward(const TrainingRecurrence<float>& rows, const Recurrence& r, Context& context,
                    const Isa& isa, TrainingRecurrenceSpace& space) {
  RW_CHECK(r.n_key_heads > 0 && r.n_heads % r.n_key_heads == 0);
  space.threads.resize(static_cast<std::size_t>(context.threads()));
  compute_gates(rows, r, context, space);
  const auto n_texts = static_cast<Index>(n_texts_of(rows.borders));
  const Index at_once = heads_at_once(r.n_heads, n_texts, context.threads());
  space.d_q.reserve(rows.n_rows() * at_once * r.key_dim), space.d_k.reserve(space.d_q.size());
  std::vector<HeadBackward::Sums> sums(static_cast<std::size_t>(n_texts * r.n_heads));
  for (Index first = 0; first < r.n_heads; first += at_once) {
    const Index n = std::min(at_once, r.n_heads - first);
    context.parallel_for(n_texts * n, [&](Index job, int thread) {
      const Index text = job / n, head = first + job % n, at = job % n * r.key_dim;
      sums[static_cast<std::size_t>(text * r.n_heads + head)] =
          HeadBackward(rows, r, static_cast<std::size_t>(text), head, isa, space, thread_of(space, thread))
              .run(space.d_q.data() + at, space.d_k.data() + at, n * r.key_dim);
    });
    add_heads(rows, r, first, n, context, isa, space);
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const Index head = static_cast<Index>(i) % r.n_heads;
    if (rows.d_rate != nullptr) rows.d_rate[head] += static_cast<float>(sums[i].rate);
    if (rows.d_step_bias != nullptr) rows.d_step_bias[head] += static_cast<float>(sums[i].step_bias);
    if (rows.d_skip != nullptr) rows.d_skip[head] += static_cast<float>(sums[i].skip);
  }
}

std::size_t recurrence_bytes(const TrainingSizes& s, Index threads) {
  const Index texts = (s.n_rows + s.n_ctx - 1) / s.n_ctx, width = whole_lanes(s.key_dim);
  Index floats = threads * (kMostTaps - 1) * s.convolved;
  if (s.n_state_heads > 0) {
    const Index wave = heads_at_once(s.n_state_heads, std::max<Index>(1, texts), threads);
    floats += 2 * s.n_rows * (s.n_state_heads + wave * s.key_dim);
    floats += threads * ((5 * kStateRows + 1) * width + 6 * kStateRows + s.value_dim * width +
                         kStateColumns * s.key_dim);
  }
  return static_cast<std::size_t>(floats) * sizeof(float);
}

}  // namespace rw::cpu
