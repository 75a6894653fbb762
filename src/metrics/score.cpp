// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/error.h"
#include "metrics/metrics.h"

namespace rw {

Scores score(std::span<const std::string> hypotheses, std::span<const std::string> references,
             const ScoreOptions& options) {
  RW_CHECK(hypotheses.size() == references.size() && !references.empty());
  Scores result;
  result.segments = references.size();
  result.tokenize = options.tokenize == Tokenize::kAuto ? choose_tokenize(references) : options.tokenize;
  const bool han_words = result.tokenize != Tokenize::k13a;
  BleuCounts bleu;
  ChrfCounts chrf;
  std::size_t rouge_words = 0;
  bool has_text = false;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const std::string &hyp = hypotheses[i], &ref = references[i];
    bleu.add(hyp, ref, result.tokenize);
    chrf.add(hyp, ref);
    const RougeScores r = rouge(hyp, ref, options.stem, han_words);
    result.rouge1 += r.rouge1;
    result.rouge2 += r.rouge2;
    result.rouge_l += r.rouge_l;
    result.rouge_lsum += r.rouge_lsum;
    rouge_words += r.reference_words;
    has_text = has_text || !ref.empty();
    result.token_f1 += token_f1(hyp, ref, han_words);
    result.edit_similarity += edit_similarity(hyp, ref);
  }
  const auto n = static_cast<double>(references.size());
  for (double* mean : {&result.rouge1, &result.rouge2, &result.rouge_l, &result.rouge_lsum, &result.token_f1,
                       &result.edit_similarity})
    *mean /= n;
  result.bleu = bleu.score();
  result.chrf = chrf.score(false);
  result.chrf_words = chrf.score(true);
  result.rouge_blind = has_text && rouge_words == 0;
  return result;
}

}  // namespace rw
