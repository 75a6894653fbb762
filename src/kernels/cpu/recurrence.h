// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <span>

#include "core/context.h"
#include "kernels/cpu/isa.h"
#include "kernels/recurrence.h"

namespace ropewalk::cpu {

/// Backend::convolve and Backend::recur.
void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution, Context& context,
              const Isa& isa);
void recur(std::span<const RecurrenceTask> tasks, const Recurrence& recurrence, Context& context,
           const Isa& isa);

}  // namespace ropewalk::cpu
