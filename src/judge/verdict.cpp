// SPDX-License-Identifier: Apache-2.0
#include "judge/verdict.h"

#include <cmath>

namespace ropewalk {

Verdict judge(const Interval& difference, const Interval& versus_short, bool finite, double margin) {
  if (!finite) return {"explodes"};
  if (!std::isfinite(difference.mean)) return {"inconclusive"};  // the reference is not a number
  const std::string mark = difference.low ? "" : "~";
  const double low = difference.low.value_or(difference.mean),
               high = difference.high.value_or(difference.mean);
  if (low > std::log(2.0) || versus_short.low.value_or(versus_short.mean) > 0) return {mark + "explodes"};
  if (low > margin) return {mark + "degrades"};
  if (high < -margin) return {mark + "improves"};
  if (low > -margin && high < margin) {
    const bool excludes_zero = difference.low && (low > 0 || high < 0);
    return {mark + "stable", !excludes_zero ? "" : high < 0 ? "slightly better" : "slightly worse"};
  }
  // The interval has to come free of the nearest border of the margin.
  const double room = std::max(std::abs(std::abs(difference.mean) - margin), 1e-3);
  return {"inconclusive", "", documents_needed(difference.deviation, room)};
}

}  // namespace ropewalk
