// SPDX-License-Identifier: Apache-2.0
#include "judge/verdict.h"

#include <cmath>

namespace ropewalk {

Verdict judge(const Interval& difference, const Interval& versus_short, bool finite, double margin) {
  if (!finite) return {.word = "explodes"};
  if (!std::isfinite(difference.mean)) return {.word = "inconclusive"};  // the reference is not a number
  const bool guess = !difference.low;
  const double low = difference.low.value_or(difference.mean),
               high = difference.high.value_or(difference.mean);
  if (low > std::log(2.0) || versus_short.low.value_or(versus_short.mean) > 0)
    return {.word = "explodes", .approximate = guess};
  if (low > margin) return {.word = "degrades", .approximate = guess};
  if (high < -margin) return {.word = "improves", .approximate = guess};
  if (low > -margin && high < margin) {
    const bool excludes_zero = difference.low && (low > 0 || high < 0);
    return {.word = "stable",
            .note = !excludes_zero ? ""
                    : high < 0     ? "slightly better"
                                   : "slightly worse",
            .approximate = guess};
  }
  // The interval has to come free of the nearest border of the margin.
  const double room = std::max(std::abs(std::abs(difference.mean) - margin), 1e-3);
  return {.word = "inconclusive", .more_documents = documents_needed(difference.deviation, room)};
}

}  // namespace ropewalk
