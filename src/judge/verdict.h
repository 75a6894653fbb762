// SPDX-License-Identifier: Apache-2.0
/// What a difference means, in one word.
#pragma once
#include <string>

#include "judge/statistics.h"

namespace ropewalk {

/// Stability margin: 0.02 nats is 2 % of perplexity.
inline constexpr double kStabilityMargin = 0.02;

struct Verdict {
  std::string word;          ///< explodes, degrades, improves, stable, inconclusive
  std::string note = {};     ///< stable: "slightly better" or "slightly worse" when the interval excludes 0
  bool approximate = false;  ///< from the difference alone: fewer than 3 documents; shown as "~stable"
  int more_documents = 0;    ///< inconclusive: how many documents would decide, in all; 0: not known
  /// For people: "~" in front where there is no interval.
  std::string shown() const { return (approximate ? "~" : "") + word; }
};

/// `difference`: loss minus the loss of plain RoPE at the trained length, paired by document.
/// `versus_short`: loss minus the loss with only 64 tokens before the tail: above 0, having the context is
/// worse than not having it. Rules in this order (95 % intervals, margin m):
///   explodes      not finite, or difference.low > ln 2, or versus_short.low > 0
///   degrades      difference.low > m
///   improves      difference.high < -m
///   stable        the interval is inside (-m, m)
///   inconclusive  anything else
/// With fewer than 3 documents there is no interval: the point estimate takes its place.
/// Source: reference/judging.md section C3.
Verdict judge(const Interval& difference, const Interval& versus_short, bool finite,
              double margin = kStabilityMargin);

}  // namespace ropewalk
