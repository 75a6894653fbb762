// SPDX-License-Identifier: Apache-2.0
#include "results/verdict.h"

#include <algorithm>
#include <cmath>

namespace rw {
namespace {

/// What the interval says alone; empty: nothing.
std::string word_of(double low, double high, double margin) {
  if (low > margin) return "degrades";
  if (high < -margin) return "improves";
  if (high < margin) return low > -margin ? "stable" : "not worse";
  return "";
}

bool shown(const std::optional<double>& p) { return p && *p <= kClaimLevel; }

/// Whether the tests say it too.
bool confirmed(const std::string& word, const Evidence& p) {
  return word == "degrades"    ? shown(p.degrades)
         : word == "improves"  ? shown(p.improves)
         : word == "stable"    ? shown(p.not_worse) && shown(p.not_better)
         : word == "not worse" ? shown(p.not_worse)
                               : false;
}

/// The interval has to come free of the margin on the side where the mean lies, against Holm's first step,
/// with a chance of 80 %: 0.84 standard errors to spare.
Verdict inconclusive(const Interval& difference, double margin, const Evidence& evidence,
                     std::string uncorrected) {
  const double room = std::max(std::abs(difference.mean - margin), 1e-3);
  const double confidence = 1 - 2 * kClaimLevel / std::max(evidence.rows, 1);
  int needed = kManyDocuments;
  if (difference.n < kManyDocuments && std::isfinite(difference.deviation))
    needed = std::max({documents_needed(difference.deviation, room, confidence, 0.8416, kWiden),
                       difference.n + 1, kEnoughUnits});
  return {.word = "inconclusive",
          .documents_needed = needed,
          .more_documents = std::max(needed - difference.n, 1),
          .uncorrected = std::move(uncorrected)};
}

Verdict seen(double mean, double margin) {
  return {.word = mean > margin ? "worse" : mean < -margin ? "better" : "close", .seen_only = true};
}

}  // namespace

double explodes_above(double margin) { return std::max(std::log(2.0), margin); }

Verdict judge(const Interval& difference, const Interval& versus_short, bool finite, double margin,
              const Evidence& evidence) {
  if (!finite) return {.word = "explodes", .note = "a loss is not finite"};
  if (!std::isfinite(difference.mean)) return {.word = "inconclusive"};  // the reference is not a number
  if (difference.mean == 0 && difference.deviation == 0) return {.word = "equal", .holds = true};
  if (difference.n < kEnoughUnits || !difference.low) return seen(difference.mean, margin);
  const double low = *difference.low, high = *difference.high;
  if (low > explodes_above(margin) || (low > margin && versus_short.low && *versus_short.low > margin))
    return {.word = "explodes"};
  const std::string alone = word_of(low, high, margin);
  std::string word = alone;
  if ((word == "stable" || word == "improves") && !confirmed(word, evidence))
    word = "not worse";  // which asks for less
  if (!confirmed(word, evidence)) return inconclusive(difference, margin, evidence, alone);
  Verdict verdict{.word = word, .holds = word != "degrades"};
  if (word == "stable" || word == "not worse")
    verdict.note = high < 0 && shown(evidence.better) ? "better"
                   : low > 0 && shown(evidence.worse) ? "worse"
                                                      : "";
  return verdict;
}

}  // namespace rw
