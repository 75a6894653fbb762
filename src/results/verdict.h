// SPDX-License-Identifier: Apache-2.0
/// What a difference means, in one word.
#pragma once
#include <optional>
#include <string>

#include "results/statistics.h"
#include "results/units.h"

namespace rw {

/// Stability margin: 0.02 nats is 2 % of perplexity.
inline constexpr double kStabilityMargin = 0.02;

/// Level of each one-sided test behind a word, after Holm's correction over all rows. An answer may make
/// three kinds of claim (not worse, better, finds more): each has a third of 5 %.
inline constexpr double kClaimLevel = 0.05 / 3;

/// Standard errors are taken so many times as wide. Differences between losses lean to the right (a method
/// fails on some texts), and then the t-test's error far out in its left tail, where a correction for many
/// rows looks, is many times its level: 17 % for 1.7 % with 20 methods on 8 texts of skewness 1.75.
/// Measured: docs/judging.md, tests/results/lead_simulation_test.cpp.
inline constexpr double kWiden = 1.5;

struct Verdict {
  /// What was shown: explodes, degrades, improves, stable, not worse; not shown: inconclusive; no question:
  /// equal (to the reference, in every document). Not judged: reference, less read, not read (the model reads
  /// a text worse than chance); and with fewer units than kEnoughUnits what was seen: worse, close, better.
  /// Empty: not yet asked.
  std::string word = {};
  /// "better" or "worse", where a difference from 0 was shown besides; or why: "a loss is not finite".
  std::string note = {};
  bool seen_only = false;    ///< too few units: the word says on which side of the margin the mean lies
  bool holds = false;        ///< shown not to be worse by the margin: improves, stable, not worse, equal
  int documents_needed = 0;  ///< inconclusive: about how many units would decide, in all; 0: not known
  int more_documents = 0;    ///< of those, how many are still missing: 1 at least where documents_needed > 0
  /// inconclusive: the word of the interval alone, lost to the corrections.
  std::string uncorrected = {};
  /// Whether the row is judged at all; "breaks at" and "holds to" look at no other.
  bool judged() const {
    return !seen_only && !word.empty() && word != "reference" && word != "less read" && word != "not read";
  }
  /// For people: "~" in front of what was only seen, "*" behind where a correction decided, the note.
  std::string shown() const {
    return (seen_only ? "~" : "") + word + (uncorrected.empty() ? "" : "*") +
           (note.empty() ? "" : " (" + note + ")");
  }
};

/// One-sided p-values of a difference d, each adjusted by Holm over all rows; m is the margin. Absent where
/// there were too few units to test.
struct Evidence {
  std::optional<double> degrades = {};    ///< d > m
  std::optional<double> not_worse = {};   ///< d < m
  std::optional<double> not_better = {};  ///< d > -m
  std::optional<double> improves = {};    ///< d < -m
  std::optional<double> better = {};      ///< d < 0
  std::optional<double> worse = {};       ///< d > 0
  int rows = 1;                           ///< how many rows the adjustment was over
};

/// Above it a loss explodes: ln 2, where perplexity is doubled; or the margin, where that allows more.
double explodes_above(double margin);

/// `difference`: loss minus the loss of plain RoPE at the trained length, paired by document. `versus_short`:
/// loss minus the loss with only 64 tokens before the tail: above the margin, having the context is worse
/// than not having it; empty where truncation has fewer than 128 before it. Rules in this order (i: the 95 %
/// interval, m: the margin, p: evidence, at kClaimLevel):
///   explodes      a loss is not finite
///   equal         every difference is exactly 0
///   (seen only)   fewer than kEnoughUnits: worse, close or better than m, from the mean alone
///   explodes      i above explodes_above(m); or versus_short's i above m and i above m
///   degrades      i above m, and p.degrades
///   improves      i below -m, and p.improves
///   stable        i inside (-m, m), and p.not_worse and p.not_better
///   not worse     i below m, and p.not_worse
///   inconclusive  anything else
/// A word needs the printed interval and the test: from 30 units on they can differ, and the more cautious
/// wins. documents_needed takes the mean and the deviation seen for the true ones, and then decides with a
/// chance of 80 %. Sources: reference/judging.md section C3; equivalence by two one-sided tests: Schuirmann,
/// J. Pharmacokinet. Biopharm. 15 (1987); not worse, then better, in this order: Morikawa and Yoshida,
/// J. Biopharm. Stat. 5 (1995).
Verdict judge(const Interval& difference, const Interval& versus_short, bool finite,
              double margin = kStabilityMargin, const Evidence& evidence = {});

}  // namespace rw
