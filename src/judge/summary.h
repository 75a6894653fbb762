// SPDX-License-Identifier: Apache-2.0
/// Records of the tail task, gathered per method and length, with intervals and verdicts.
#pragma once
#include "judge/record.h"
#include "judge/verdict.h"

namespace ropewalk {

struct SummaryCell {
  std::string method, resolved;
  Index length = 0;
  Interval loss, difference;  ///< difference from plain RoPE at the trained length, paired by document
  Verdict verdict;
  double tokens_per_second = 0;
};

/// One cell for each (method, length) of the tail task, by length. `margin`: nats, what counts as stable.
std::vector<SummaryCell> summarise(const std::vector<Record>& records, double margin = kStabilityMargin);

/// For the terminal: a block of rows per length. 80 columns.
std::string summary_table(const std::vector<SummaryCell>& cells, const RunInfo& run, std::size_t n_documents);
Json summary_json(const std::vector<SummaryCell>& cells, const RunInfo& run, std::size_t n_documents);

}  // namespace ropewalk
