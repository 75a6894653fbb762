// SPDX-License-Identifier: Apache-2.0
/// Records of the tail task, gathered per method and length, with intervals and verdicts.
#pragma once
#include "results/derived.h"
#include "results/record.h"
#include "results/verdict.h"

namespace ropewalk {

struct SummaryCell {
  std::string method, resolved;
  Index length = 0;
  Interval loss, difference;  ///< difference from plain RoPE at the trained length, paired by document
  /// From truncated plain RoPE and from plain RoPE, both told this length; absent where that was not run.
  std::optional<Interval> versus_truncated, versus_plain;
  Evidence evidence;
  Verdict verdict;
  double tokens_per_second = 0;  ///< over all documents
};

/// One cell for each (method, length) of the tail task, by length. `margin`: nats, what counts as stable.
/// Holm's correction is over every row of 3 documents or more but the truncated baseline's and those that
/// equal the reference in every document (a method below the length where it starts is plain RoPE itself:
/// nothing is tested).
std::vector<SummaryCell> summarise(const std::vector<Record>& records, double margin = kStabilityMargin);

/// breaks_at and stable_to of one method over the lengths of the cells, truncation included.
struct MethodReach {
  std::string method;
  std::optional<Index> breaks_at, stable_to;
};
/// In the order of the cells. `reference`: the length that differences are taken from.
std::vector<MethodReach> reaches(const std::vector<SummaryCell>& cells, Index reference);

/// For the terminal: a block of rows per length. 80 columns.
std::string summary_table(const std::vector<SummaryCell>& cells, const RunInfo& run, std::size_t n_documents);
Json summary_json(const std::vector<SummaryCell>& cells, const RunInfo& run, std::size_t n_documents);

}  // namespace ropewalk
