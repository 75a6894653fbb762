// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "core/buffer.h"
#include "core/context.h"
#include "kernels/cpu/isa.h"
#include "kernels/recurrence.h"

namespace rw::cpu {

/// What a call of recur() needs, grown by the first ones.
struct RecurrenceSpace {
  std::vector<Index> first;     // (n_tasks): of each task, its first row among all
  Buffer<float> decay, weight;  // (n_rows, n_heads)
};

/// Backend::convolve and Backend::recur.
void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution, Context& context,
              const Isa& isa);
void recur(std::span<const RecurrenceTask> tasks, const Recurrence& recurrence, Context& context,
           const Isa& isa, RecurrenceSpace& space);

}  // namespace rw::cpu
