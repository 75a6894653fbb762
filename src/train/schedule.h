// SPDX-License-Identifier: Apache-2.0
/// The learning rate by step.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace rw {

/// kConstant: `rate`. kLine: from `rate` to `end` in a line. kCosine: from `rate` to `end` by half a cosine.
/// kWsd: `rate`, and over the last `decay` of the steps in a line to `end` (warm-up, stable, decay: Hu et al.
/// 2024, arXiv:2404.06395, with a line for its exponential).
enum class ScheduleKind { kConstant, kLine, kCosine, kWsd };

struct Schedule {
  ScheduleKind kind = ScheduleKind::kCosine;
  double rate = 1e-3, end = 0;
  double decay = 0.2;  ///< of kWsd: share of the steps
  /// At step `at` of n_steps, both counted from 0.
  double at(Index at, Index n_steps) const;
};

/// Factor on the rate while a run warms up: in a line to 1 over its first `warm_up` steps.
double warm_up_factor(Index step, Index warm_up);

/// "cosine", "wsd", "line", "constant". Errors: Error at `place`, with a guess of what was meant.
ScheduleKind parse_schedule(std::string_view text, std::string_view place);

}  // namespace rw
