// SPDX-License-Identifier: Apache-2.0
/// What a difference means, in one word.
#pragma once
#include <optional>
#include <string>

#include "results/statistics.h"

namespace ropewalk {

/// Stability margin: 0.02 nats is 2 % of perplexity.
inline constexpr double kStabilityMargin = 0.02;

/// Levels: of a claimed difference after Holm's correction (two-sided), and of each of the two one-sided
/// tests of `stable`. 2.5 % each is the 95 % interval inside the margin, the one that is printed; the
/// customary 5 % would be the 90 % interval. The stricter is taken on purpose: who reads `stable` relies on
/// it.
inline constexpr double kClaimLevel = 0.05, kStableLevel = 0.025;

struct Verdict {
  std::string word;          ///< explodes, degrades, improves, stable, inconclusive
  std::string note = {};     ///< stable: "slightly better" or "slightly worse" when zero is excluded too
  bool approximate = false;  ///< from the difference alone: fewer than 3 documents; shown as "~stable"
  /// Not worse by the margin: the interval ends below it. An interval around -m is neither stable nor
  /// improves, and still holds.
  bool holds = false;
  int documents_needed = 0;  ///< inconclusive: about how many documents would decide, in all; 0: not known
  int more_documents = 0;    ///< of those, how many are still missing: 1 at least where documents_needed > 0
  /// inconclusive: the word that this row would have had alone, lost to the correction for many rows.
  std::string uncorrected = {};
  /// For people: "~" in front where there is no interval, "*" behind where the correction decided.
  std::string shown() const { return (approximate ? "~" : "") + word + (uncorrected.empty() ? "" : "*"); }
};

/// What the tests of a difference said. Absent values were not tested, and the interval decides alone.
struct Evidence {
  std::optional<double> beyond = {};      ///< p_beyond(differences, margin), adjusted by Holm over the rows
  std::optional<double> nonzero = {};     ///< p_differs(differences), adjusted likewise
  std::optional<double> equivalent = {};  ///< p_equivalent(differences, margin), not adjusted
  int rows = 1;                           ///< how many rows the adjustment was over
};

/// `difference`: loss minus the loss of plain RoPE at the trained length, paired by document.
/// `versus_short`: loss minus the loss with only 64 tokens before the tail: above 0, having the context is
/// worse than not having it. Rules in this order (95 % intervals, margin m):
///   explodes      not finite, or difference.low > ln 2, or versus_short.low > 0
///   degrades      difference.low > m, and evidence.beyond <= 0.05
///   improves      difference.high < -m, and evidence.beyond <= 0.05
///   stable        the interval is inside (-m, m), and evidence.equivalent <= 0.025
///   inconclusive  anything else
/// With fewer than 3 documents there is no interval: the point estimate takes its place.
/// documents_needed takes the mean and the deviation seen for the true ones, and then decides with a chance
/// of 80 % (for `stable`, at least that). Source: reference/judging.md section C3.
Verdict judge(const Interval& difference, const Interval& versus_short, bool finite,
              double margin = kStabilityMargin, const Evidence& evidence = {});

}  // namespace ropewalk
