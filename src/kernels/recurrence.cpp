// SPDX-License-Identifier: Apache-2.0
#include "kernels/recurrence.h"

#include <algorithm>
#include <cmath>

namespace ropewalk {

RecurrenceGate recurrence_gate(const Recurrence& r, Index head, float step, float weight) {
  const double x = static_cast<double>(step) + static_cast<double>(r.step_bias[head]);
  const double plus = x > 20 ? x : std::log1p(std::exp(x));
  const double s = std::isnan(plus) ? plus
                                    : std::clamp(plus, static_cast<double>(r.least_step),
                                                 static_cast<double>(r.greatest_step));
  return {.decay = static_cast<float>(std::exp(static_cast<double>(r.rate[head]) * s)),
          .weight = static_cast<float>(r.delta ? 1 / (1 + std::exp(-static_cast<double>(weight))) : s)};
}

}  // namespace ropewalk
