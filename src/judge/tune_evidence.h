// SPDX-License-Identifier: Apache-2.0
/// What the documents that no choice was made on say about tune's winner, and what may be used for it.
#pragma once
#include <string>
#include <vector>

#include "judge/tune.h"
#include "results/statistics.h"
#include "results/units.h"

namespace rw {

/// What counts as no worse, beside kStabilityMargin nats of loss: 5 keys of 100.
inline constexpr double kFoundMargin = 0.05;

/// One method minus another on the same documents, by unit (results/units.h): the text, or the stretch of the
/// only one.
struct Difference {
  std::vector<double> values;  ///< of each unit; +infinity where the first is not finite, -infinity where
                               ///< only the other is
  Units units;
  Interval interval;        ///< without ends where fewer than 3 units, or one that is not finite
  std::optional<double> p;  ///< of no difference, after Holm over a winner's rows; kEnoughUnits or more
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

/// "better", "worse", "no difference shown"; "too few to say"; "not a number in k of n". `better`: -1
/// where less is better, else 1.
std::string word_of(const Difference& difference, int better);

enum class TuneFinding {
  kShown,      ///< the winner is stored
  kPlainWins,  ///< plain RoPE is the winner, and is stored
  kTie,        ///< as good as plain RoPE within the margin: ties are plain RoPE's
  kNotShown,   ///< what should have been shown was not: nothing is stored
  kTooFew,     ///< fewer units than any test needs: nothing is stored
  kNotFinite,  ///< truncation's loss, which all is held against, is no number: nothing is stored
  kNotRead,    ///< or is worse than chance (unread_documents of results/summary.h): nothing is stored
};
struct TuneConclusion {
  TuneFinding finding = TuneFinding::kNotShown;
  std::string method = {};       ///< what is stored; empty: nothing
  std::string why = {};          ///< one line
  bool truncation_does = false;  ///< what won was not shown to be better than truncation, by the goal
  std::size_t n_needed = 0;      ///< kTooFew: units to judge on
};

/// Units to judge on, without which nothing can be shown: kEnoughUnits; of keys found, 6, since the least
/// p-value of n units is 2^-n.
std::size_t units_needed(Goal goal);

/// What the records of one length show, by eval's rule for "not worse" (results/verdict.h): the interval ends
/// below the margin, and the test with kWiden says so at kClaimLevel; of keys found, the sign-flip test. The
/// winner is stored where it was shown to be no worse than plain RoPE, plain RoPE where it won, or is as good
/// as the winner, and was itself shown to be no worse than truncation: it may explode at this length. With
/// Goal::kBoth both have to hold. One claim, so nothing is corrected. `n_vocab` 0: not known.
TuneConclusion conclude(const std::vector<Record>& records, Index length, const std::string& winner,
                        Goal goal, Index n_vocab = 0);

/// The same where the choice itself met a reference that is no number: nothing else was measured.
TuneConclusion no_reference(const std::string& where = "on the documents to choose on");

}  // namespace rw
