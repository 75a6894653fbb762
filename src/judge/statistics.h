// SPDX-License-Identifier: Apache-2.0
/// Statistics over documents: the document is the unit of replication, never the token.
#pragma once
#include <optional>
#include <vector>

namespace ropewalk {

struct Interval {
  double mean = 0;
  std::optional<double> low, high;  ///< 95 %; absent with fewer than 3 documents
  double deviation = 0;             ///< standard deviation over documents
  int n = 0;
};

/// The t quantile: P(|T_df| <= t) = probability. df >= 1, probability in (0, 1).
double t_quantile(double probability, int df);
/// Mean of per-document values with a 95 % t-interval (which covers 95 % down to 5 documents, where a
/// bootstrap covers 85 %). REQUIRES: not empty.
Interval t_interval(const std::vector<double>& values);
inline constexpr int kManyDocuments = 10000;
/// Documents needed for a half-width of `half_width` at the deviation seen; 2 at least. kManyDocuments says
/// "that many or more". REQUIRES: both finite.
int documents_needed(double deviation, double half_width);

}  // namespace ropewalk
