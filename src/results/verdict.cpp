// SPDX-License-Identifier: Apache-2.0
#include "results/verdict.h"

#include <algorithm>
#include <cmath>

namespace ropewalk {
namespace {

/// The interval has to come free of the nearest border of the margin; from outside against Holm's first step.
/// With a chance of 80 %: 0.84 standard errors to spare outside; inside there are two borders, so 10 % at
/// each.
Verdict inconclusive(const Interval& difference, double margin, int rows, std::string uncorrected = {}) {
  const double distance = std::abs(difference.mean) - margin;
  const double confidence = distance > 0 ? 1 - kClaimLevel / std::max(rows, 1) : 1 - 2 * kStableLevel;
  const double spare = distance > 0 ? 0.8416 : 1.2816;
  const double room = std::max(std::abs(distance), 1e-3);
  int needed = kManyDocuments;
  if (difference.n < kManyDocuments && std::isfinite(difference.deviation))
    needed = std::max({documents_needed(difference.deviation, room, confidence, spare), difference.n + 1, 3});
  return {.word = "inconclusive",
          .documents_needed = needed,
          .more_documents = std::max(needed - difference.n, 1),
          .uncorrected = std::move(uncorrected)};
}

Verdict judge_word(const Interval& difference, const Interval& versus_short, bool finite, double margin,
                   const Evidence& evidence) {
  if (!finite) return {.word = "explodes"};
  if (!std::isfinite(difference.mean)) return {.word = "inconclusive"};  // the reference is not a number
  const bool guess = !difference.low;
  const double low = difference.low.value_or(difference.mean),
               high = difference.high.value_or(difference.mean);
  if (low > std::log(2.0) || versus_short.low.value_or(versus_short.mean) > 0)
    return {.word = "explodes", .approximate = guess};
  if (low > margin || high < -margin) {
    const std::string word = low > margin ? "degrades" : "improves";
    if (evidence.beyond.value_or(0) > kClaimLevel)
      return inconclusive(difference, margin, evidence.rows, word);
    return {.word = word, .approximate = guess};
  }
  if (low > -margin && high < margin && evidence.equivalent.value_or(0) <= kStableLevel) {
    const bool excludes_zero =
        difference.low && (low > 0 || high < 0) && evidence.nonzero.value_or(0) <= kClaimLevel;
    return {.word = "stable",
            .note = !excludes_zero ? ""
                    : high < 0     ? "slightly better"
                                   : "slightly worse",
            .approximate = guess};
  }
  return inconclusive(difference, margin, evidence.rows);
}

}  // namespace

Verdict judge(const Interval& difference, const Interval& versus_short, bool finite, double margin,
              const Evidence& evidence) {
  Verdict verdict = judge_word(difference, versus_short, finite, margin, evidence);
  verdict.holds = verdict.word != "explodes" && verdict.word != "degrades" &&
                  difference.high.value_or(difference.mean) < margin;
  return verdict;
}

}  // namespace ropewalk
