// SPDX-License-Identifier: Apache-2.0
/// What a model says of tokens, before anything is drawn: log softmax of its logits.
#pragma once
#include <vector>

#include "kernels/kernels.h"

namespace rw::serving {

struct TokenLogprob {
  Token token = kNoToken;
  double logprob = 0;  ///< natural log of its probability; NaN where a logit is no number
  Index rank = 0;      ///< 1: the likeliest; of equal ones the one with the smaller id first
  struct Top {
    Token token;
    double logprob;
  };
  std::vector<Top> top;  ///< the likeliest first
};

/// Of `token` in a row of logits (n_vocab), and of the k likeliest of the first n_choices. All of n_vocab
/// share the probability, as in the judge's losses. REQUIRES: 0 <= token < n_vocab, 0 <= k <= n_choices.
TokenLogprob logprob_of(const Backend& backend, const float* logits, Index n_vocab, Index n_choices,
                        Token token, Index k);

}  // namespace rw::serving
