// SPDX-License-Identifier: Apache-2.0
/// What the documents that no choice was made on say about tune's winner, and what may be used for it.
#pragma once
#include <string>
#include <vector>

#include "judge/tune.h"
#include "results/statistics.h"
#include "results/units.h"

namespace ropewalk {

/// Fewer texts get no word: better and worse are claims.
inline constexpr std::size_t kFewestForAWord = 5;
/// What counts as no worse, beside kStabilityMargin nats of loss: 5 keys of 100.
inline constexpr double kFoundMargin = 0.05;

/// One method minus another on the same documents, by unit (results/units.h): the text, or the stretch of the
/// only one.
struct Difference {
  std::vector<double> values;  ///< of each unit; +infinity where the first is not finite, -infinity where
                               ///< only the other is
  Units units;
  Interval interval;  ///< without ends where fewer than 3 units, or one that is not finite
  std::optional<double>
      p;  ///< of no difference, after Holm over a winner's rows; kFewestForAWord units or more
  bool finite() const;
  bool measured() const { return !values.empty(); }
};

struct Margin {
  std::string rival;  ///< kPlain, kTruncated or "yarn"
  Difference loss;    ///< nats of the tail
  Difference score;   ///< share of the keys found, each unit's mean
};

/// The winner against plain RoPE, truncation and YaRN; a rival that is the winner itself is left out.
std::vector<Margin> margins(const std::vector<Record>& records, Index length, const std::string& winner);

/// "better", "worse", "no difference shown"; "too few texts to say"; "not a number in k of n". `better`: -1
/// where less is better, else 1.
std::string word_of(const Difference& difference, int better);

enum class TuneFinding {
  kShown,      ///< the winner is written
  kPlainWins,  ///< plain RoPE is the winner
  kTie,        ///< as good as plain RoPE within the margin: ties are plain RoPE's
  kNotShown,   ///< not shown to be no worse than plain RoPE
};
struct TuneConclusion {
  TuneFinding finding = TuneFinding::kPlainWins;
  std::string method;            ///< what to use: the winner where it is shown, else plain RoPE
  std::string why;               ///< one line
  bool truncation_does = false;  ///< the winner was not shown to be better than truncation, by the goal
};

/// The winner is shown to be no worse than plain RoPE where its interval ends on the good side of the margin;
/// with fewer than 3 units, or where a loss is not finite, where it is better by more than the margin in each
/// of them. With Goal::kBoth both have to hold.
TuneConclusion conclude(const std::string& winner, const std::vector<Margin>& margins, Goal goal);

}  // namespace ropewalk
