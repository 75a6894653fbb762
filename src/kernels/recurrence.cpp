// SPDX-License-Identifier: Apache-2.0
#include "kernels/recurrence.h"

#include <algorithm>
#include <cmath>

namespace rw {

ExactGate exact_gate(const Recurrence& r, Index head, double rate, double step, double weight) {
  const double x = step + static_cast<double>(r.step_bias[head]);
  const double plus = x > 20 ? x : std::log1p(std::exp(x));
  const double s = std::isnan(plus) ? plus
                                    : std::clamp(plus, static_cast<double>(r.least_step),
                                                 static_cast<double>(r.greatest_step));
  return {.step = s,
          .slope = s != plus ? 0
                   : x > 20  ? 1
                             : 1 / (1 + std::exp(-x)),
          .decay = std::exp(rate * s),
          .weight = r.delta ? 1 / (1 + std::exp(-weight)) : s};
}

float rate_of(const Recurrence& r, Index head) {
  return r.rate_is_log ? -std::exp(r.rate[head]) : r.rate[head];
}

RecurrenceGate recurrence_gate(const Recurrence& r, Index head, float step, float weight) {
  const ExactGate gate = exact_gate(r, head, static_cast<double>(rate_of(r, head)), static_cast<double>(step),
                                    static_cast<double>(weight));
  return {.decay = static_cast<float>(gate.decay), .weight = static_cast<float>(gate.weight)};
}

}  // namespace rw
