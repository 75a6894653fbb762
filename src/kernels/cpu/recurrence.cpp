// SPDX-License-Identifier: Apache-2.0
/// How convolutions and recurrences are split over threads: by channels, and by heads and columns of their
/// values. No column needs another.
#include "kernels/cpu/recurrence.h"

#include "core/error.h"

namespace rw::cpu {

static_assert(kMostTaps == kMostConvolutionTaps);

void convolve(std::span<const ConvolutionTask> tasks, const Convolution& c, Context& context,
              const Isa& isa) {
  RW_CHECK(c.n_taps >= 2 && c.n_taps <= kMostTaps);
  const Index n_blocks = (c.width + kLanes - 1) / kLanes;
  context.parallel_for(static_cast<Index>(tasks.size()) * n_blocks, [&](Index job, int) {
    const ConvolutionTask& task = tasks[static_cast<std::size_t>(job / n_blocks)];
    const Index begin = job % n_blocks * kLanes;
    isa.convolve({.x = task.x + begin,
                  .taps = c.taps + begin * c.n_taps,
                  .bias = c.bias != nullptr ? c.bias + begin : nullptr,
                  .columns = task.columns + begin,
                  .stride = c.width,
                  .n_rows = task.n_rows,
                  .n = std::min<Index>(kLanes, c.width - begin),
                  .n_taps = c.n_taps,
                  .silu = c.silu});
  });
}

void recur(std::span<const RecurrenceTask> tasks, const Recurrence& r, Context& context, const Isa& isa,
           RecurrenceSpace& space) {
  RW_CHECK(r.n_key_heads > 0 && r.n_heads % r.n_key_heads == 0);
  constexpr Index kColumns = 2 * kLanes;  // of a job: with 128 keys they take half of L1
  const Index n_blocks = (r.value_dim + kColumns - 1) / kColumns, per_task = r.n_heads * n_blocks;
  const Index keys = r.n_key_heads * r.key_dim, values = r.n_heads * r.value_dim;
  Index n_rows = 0;
  space.first.clear();
  for (const RecurrenceTask& task : tasks) space.first.push_back(n_rows), n_rows += task.n_rows;
  space.decay.reserve(n_rows * r.n_heads), space.weight.reserve(n_rows * r.n_heads);
  float *decay = space.decay.data(), *weight = space.weight.data();
  for (std::size_t i = 0; i < tasks.size(); ++i)
    context.parallel_blocks(tasks[i].n_rows * r.n_heads, 256, [&](Index begin, Index end) {
      for (Index at = begin; at < end; ++at) {
        const RecurrenceGate gate = recurrence_gate(r, at % r.n_heads, tasks[i].step[at],
                                                    tasks[i].weight != nullptr ? tasks[i].weight[at] : 0);
        const Index to = space.first[i] * r.n_heads + at;
        decay[to] = gate.decay, weight[to] = gate.weight;
      }
    });
  context.parallel_for(static_cast<Index>(tasks.size()) * per_task, [&](Index job, int) {
    const auto i = static_cast<std::size_t>(job / per_task);
    const RecurrenceTask& task = tasks[i];
    const Index head = job % per_task / n_blocks, begin = job % n_blocks * kColumns;
    const Index key = r.key_head(head) * r.key_dim, value = head * r.value_dim + begin;
    const Index gate = space.first[i] * r.n_heads + head;
    isa.recur({.q = task.q + key,
               .k = task.k + key,
               .v = task.v + value,
               .decay = decay + gate,
               .weight = weight + gate,
               .out = task.out + value,
               .state = task.state + head * r.key_dim * r.value_dim + begin,
               .key_stride = keys,
               .value_stride = values,
               .gate_stride = r.n_heads,
               .state_stride = r.value_dim,
               .n_rows = task.n_rows,
               .key_dim = r.key_dim,
               .n_columns = std::min(kColumns, r.value_dim - begin),
               .skip = r.skip != nullptr ? r.skip[head] : 0,
               .delta = r.delta});
  });
}

}  // namespace rw::cpu
