// SPDX-License-Identifier: Apache-2.0
/// Does a method find more than truncation? Shares of questions found, paired by text.
#pragma once
#include "results/reach.h"

namespace rw {

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

/// What one method found of one task at one length.
struct RetrievalRow {
  std::string task;
  Index length = 0;
  std::string method;
  Score score;                         ///< over questions
  std::optional<Interval> difference;  ///< from truncation at that length, over units; none: a baseline
};
/// By task and length, methods in the order of methods_of; tasks that cannot tell too.
std::vector<RetrievalRow> retrieval_rows(const ReportData& data);
/// "+84 (+40 to +100)" points. Where every unit gave the same, the spread is unknown; a difference of shares
/// ends at 100.
std::string points_text(const Interval& difference);

}  // namespace rw
