// SPDX-License-Identifier: Apache-2.0
#include "serving/logprobs.h"

#include <cmath>

namespace rw::serving {

TokenLogprob logprob_of(const Backend& backend, const float* logits, Index n_vocab, Index n_choices,
                        Token token, Index k) {
  TokenLogprob said;
  said.token = token;
  double loss = 0;
  backend.losses(logits, n_vocab, {&token, 1}, &loss);
  said.logprob = -loss;
  const float own = logits[token];
  const double log_sum = loss + static_cast<double>(own);
  said.rank = 1;
  for (Index id = 0; id < n_choices; ++id)
    said.rank += logits[id] > own || (logits[id] == own && id < token) ? 1 : 0;
  if (k == 0) return said;
  std::vector<Token> ids(static_cast<std::size_t>(k));
  std::vector<float> values(ids.size());
  backend.top_k(logits, 1, n_vocab, n_choices, k, ids.data(), values.data());
  for (std::size_t i = 0; i < ids.size(); ++i)
    said.top.push_back({ids[i], ids[i] == token ? said.logprob : static_cast<double>(values[i]) - log_sum});
  return said;
}

}  // namespace rw::serving
