// SPDX-License-Identifier: Apache-2.0
#include "results/derived.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace rw {
namespace {

/// The greatest length before the first, in ascending order, that does not hold.
template <class T, class F>
std::optional<Index> reach(std::span<const T> lengths, const F& holds) {
  std::vector<T> sorted(lengths.begin(), lengths.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const T& a, const T& b) { return a.length < b.length; });
  std::optional<Index> result;
  for (const T& at : sorted) {
    if (!holds(at)) break;
    result = at.length;
  }
  return result;
}

}  // namespace

std::optional<Index> breaks_at(std::span<const JudgedLength> lengths) {
  std::optional<Index> result;
  for (const JudgedLength& at : lengths) {
    const bool broken = at.verdict.word == "explodes" || at.verdict.word == "degrades";
    if (broken && at.length < result.value_or(at.length + 1)) result = at.length;
  }
  return result;
}

std::optional<Index> holds_to(std::span<const JudgedLength> lengths) {
  std::vector<JudgedLength> judged(lengths.begin(), lengths.end());
  std::erase_if(judged, [](const JudgedLength& at) { return at.verdict.word == "less read"; });
  return reach(std::span<const JudgedLength>(judged),
               [](const JudgedLength& at) { return at.verdict.holds || at.verdict.word == "reference"; });
}

std::optional<Index> used_to(std::span<const FarBenefit> lengths) {
  return reach(lengths, [](const FarBenefit& at) { return at.benefit.low && *at.benefit.low > 0; });
}

RetrievalReach retrieval_reach(const RetrievalScore& short_score, std::span<const RetrievalScore> lengths) {
  RetrievalReach result;
  result.short_score = proportion(short_score.k, short_score.n);
  for (const RetrievalScore& at : lengths)
    RW_CHECK(at.n >= 1 && at.k >= 0 && at.k <= static_cast<double>(at.n));
  // Sums of parts of answers are rounded: a score at the border itself holds.
  constexpr double kRounding = 1e-9;
  const double own = result.short_score.value;
  const auto share = [](const RetrievalScore& at) { return at.k / static_cast<double>(at.n) + kRounding; };
  result.can_tell = own + kRounding >= 0.2;
  if (!result.can_tell) return result;
  result.retrieves_to =
      reach(lengths, [&](const RetrievalScore& at) { return share(at) >= kFindsShare * own; });
  result.ruler_to = reach(lengths, [&](const RetrievalScore& at) { return share(at) >= 0.856; });
  return result;
}

}  // namespace rw
