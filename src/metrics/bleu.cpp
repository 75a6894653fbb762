// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "metrics/sequence.h"
#include "metrics/text.h"

namespace rw {

void BleuCounts::add(std::string_view hypothesis_text, std::string_view reference_text, Tokenize tokenize) {
  Numbering<std::u32string> number;
  const Ids hyp = number(bleu_words(hypothesis_text, tokenize));
  const Ids ref = number(bleu_words(reference_text, tokenize));
  const std::vector<NgramCount> counts = count_ngrams(hyp, ref, static_cast<int>(matches.size()));
  for (std::size_t n = 0; n < counts.size(); ++n) {
    matches[n] += counts[n].matches;
    totals[n] += counts[n].hypothesis;
  }
  hypothesis += static_cast<std::int64_t>(hyp.size());
  reference += static_cast<std::int64_t>(ref.size());
}

double BleuCounts::score(bool effective_order) const {
  if (matches[0] == 0) return 0;  // no longer n-gram matches without its words
  double logs = 0, smooth = 1;
  std::size_t order = 0;
  for (; order < matches.size() && totals[order] > 0; ++order) {
    const auto total = static_cast<double>(totals[order]);
    if (matches[order] == 0) smooth *= 2;
    logs += std::log(matches[order] == 0 ? 100 / (smooth * total)
                                         : 100 * static_cast<double>(matches[order]) / total);
  }
  if (order < matches.size() && !effective_order) return 0;  // an order without any n-gram has p = 0
  const double brevity = hypothesis < reference
                             ? std::exp(1 - static_cast<double>(reference) / static_cast<double>(hypothesis))
                             : 1;
  // exp(log 100) is 100.00000000000004.
  return std::min(100.0, brevity * std::exp(logs / static_cast<double>(order)));
}

}  // namespace rw
