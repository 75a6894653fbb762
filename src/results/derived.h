// SPDX-License-Identifier: Apache-2.0
/// One length for a whole curve: how far a method holds, uses what it reads, and finds things.
///
/// All but breaks_at are contiguous: they stop at the first tested length that fails, as RULER does. Testing
/// in this fixed order and stopping needs no correction for many lengths: to overstate, the test at the first
/// length that really fails has to be wrong.
#pragma once
#include <optional>
#include <span>

#include "results/verdict.h"

namespace rw {

/// The verdict of one method at one length.
struct JudgedLength {
  Index length = 0;
  Verdict verdict;
};
/// The smallest length that explodes or degrades; none: none of those tested does. Only what is judged counts
/// (Verdict::judged): not lengths below the trained one, where any method has a greater loss, having read
/// less. In any order. Source: reference/judging.md section C3, L_break.
std::optional<Index> breaks_at(std::span<const JudgedLength> lengths);
/// The greatest length up to which every judged length holds (Verdict::holds) or is the reference itself;
/// none: not even the first. In any order. Source: reference/judging.md section C3, L_stable.
std::optional<Index> holds_to(std::span<const JudgedLength> lengths);

/// What the far part of a context is worth: its loss after another text took its place, minus the loss with
/// the true one, paired by document. Above 0: it is used.
struct FarBenefit {
  Index length = 0;
  Interval benefit;
};
/// The greatest length up to which the benefit's 95 % interval is above 0 at every tested length; none: not
/// shown even at the first. Without an interval (fewer than 3 documents) nothing is shown.
/// Source: reference/judging.md sections C1 (7) and C3, L_used.
std::optional<Index> used_to(std::span<const FarBenefit> lengths);

/// A method finds where its score is at least so much of the model's own in short texts (NoLiMa).
inline constexpr double kFindsShare = 0.85;

/// How often the right answer came, at one length.
struct RetrievalScore {
  Index length = 0;
  double k = 0;  ///< right answers; an answer may count in part
  Index n = 0;   ///< of so many; n >= 1
};
struct RetrievalReach {
  Proportion short_score;  ///< of the same model on short texts, plain RoPE
  /// A model that finds fewer than 20 % in a short text cannot tell how far it finds things: no lengths.
  bool can_tell = true;
  std::optional<Index> retrieves_to;  ///< up to which every score is >= kFindsShare short_score
  std::optional<Index> ruler_to;      ///< for comparison: >= RULER's 0.856 (Llama-2-7B at 4096 tokens)
};
/// A score that is exactly at the border holds. Point scores, not their lower
/// ends: 20 of 20 has a lower end of 0.84 and would never do. Sources: NoLiMa (effective length,
/// arXiv:2502.05167); RULER (README, arXiv:2404.06654).
RetrievalReach retrieval_reach(const RetrievalScore& short_score, std::span<const RetrievalScore> lengths);

}  // namespace rw
