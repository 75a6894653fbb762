// SPDX-License-Identifier: Apache-2.0
/// Records of the continuation task, gathered per method and length, against the truncated baseline.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/statistics.h"
#include "results/units.h"

namespace rw {

struct ContinuationMetric {
  std::string name;
  Interval value;                            ///< bleu, chrf: of the corpus, by jackknife; else over documents
  std::optional<Interval> versus_truncated;  ///< on the documents of both; absent for the baseline itself
};

/// The first so many of a cell's metrics are those that tables show.
constexpr std::size_t kMainMetrics = 8;

/// Why a value of that metric is not there.
inline constexpr const char* absence_note(std::string_view metric) {
  return metric.starts_with("rouge")
             ? "n/a: ROUGE sees no word in the true text: it counts a-z and 0-9, and Han."
             : "n/a: the engine that was asked tells no losses.";
}

struct ContinuationCell {
  std::string method;
  Index length = 0;
  std::vector<ContinuationMetric> metrics;  ///< loss, top1, bleu, chrf, rougeL, token_f1, ...
};

/// By length, methods in the order of the records. BLEU and chrF count n-grams over all documents, each cut
/// into words as its own script asks: the mean of their single scores is another number, which short texts
/// fill with zeros. A method that wrote for some documents only is compared on those.
/// Intervals are over units. ROUGE counts a-z and 0-9: of true texts without either it is NaN, no 0.
std::vector<ContinuationCell> summarise_continuation(const std::vector<Record>& records, const Units& units);

}  // namespace rw
