// SPDX-License-Identifier: Apache-2.0
/// Does a method find more than truncation? Shares of questions found, paired by text.
#pragma once
#include "results/reach.h"

namespace ropewalk {

/// One method against truncation at one length, on the questions that both were asked, of the tasks that can
/// tell (RetrievalReach::can_tell).
struct Found {
  std::string method;
  Score own, truncated;  ///< over questions
  Interval difference;   ///< of the shares, over units: the questions of a text depend on each other
  /// One-sided sign-flip test over units of "more than truncation", adjusted by Holm over the methods. Absent
  /// with fewer than kEnoughUnits.
  std::optional<double> p = {};
  bool shown() const { return p && *p <= kClaimLevel; }  ///< finds more than truncation
};
struct FoundAt {
  Index length = 0;
  std::vector<Found> methods;  ///< in the order of methods_of
};
/// At the greatest length that truncation was asked at too. Empty: truncation was not asked, or no task can
/// tell.
FoundAt found_at(const ReportData& data);

}  // namespace ropewalk
