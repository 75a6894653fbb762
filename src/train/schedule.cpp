// SPDX-License-Identifier: Apache-2.0
#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace rw {

double Schedule::at(Index at, Index n_steps) const {
  const double n = static_cast<double>(std::max<Index>(n_steps, 1)), part = static_cast<double>(at) / n;
  switch (kind) {
    case ScheduleKind::kConstant:
      return rate;
    case ScheduleKind::kLine:
      return rate + (end - rate) * part;
    case ScheduleKind::kCosine:
      return end + (rate - end) * 0.5 * (1 + std::cos(std::numbers::pi * part));
    case ScheduleKind::kWsd: {
      const double begin = 1 - decay;
      return part <= begin ? rate : rate + (end - rate) * (part - begin) / decay;
    }
  }
  return rate;
}

double warm_up_factor(Index step, Index warm_up) {
  return step + 1 >= warm_up ? 1 : static_cast<double>(step + 1) / static_cast<double>(warm_up);
}

ScheduleKind parse_schedule(std::string_view text, std::string_view place) {
  if (text == "constant") return ScheduleKind::kConstant;
  if (text == "line") return ScheduleKind::kLine;
  if (text == "cosine") return ScheduleKind::kCosine;
  if (text == "wsd") return ScheduleKind::kWsd;
  throw Error(place, "cosine, wsd, line or constant", "'" + std::string(text) + "'",
              "wsd: warm-up, stable, then a line down over the last `decay` of the steps");
}

}  // namespace rw
