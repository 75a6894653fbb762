// SPDX-License-Identifier: Apache-2.0
#include "model/greedy.h"

#include <algorithm>
#include <cmath>

namespace ropewalk {

Token likeliest(const float* logits, Index n_vocab) {
  Index best = 0;
  for (Index i = 0; i < n_vocab; ++i) {
    if (std::isnan(logits[i])) return kNoToken;
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<Token>(best);
}

std::vector<Token> write_greedily(Session& session, std::span<const Token> prompt, Index n_vocab,
                                  const Writing& writing) {
  Token next = 0;
  const LogitsSink pick = [&](Index, Index n_rows, const float* logits) {
    next = likeliest(logits + (n_rows - 1) * n_vocab, session.model().n_choices());
  };
  const Index end = session.position() + static_cast<Index>(prompt.size());
  session.run(prompt, end - 1, end, pick, writing.read);
  std::vector<Token> written;
  while (static_cast<Index>(written.size()) < writing.n_predict) {
    if (next == kNoToken) {
      if (writing.not_numbers) writing.not_numbers(session.position());
      break;
    }
    if (std::find(writing.stop.begin(), writing.stop.end(), next) != writing.stop.end()) break;
    written.push_back(next);
    if (writing.wrote) writing.wrote(next);
    if (static_cast<Index>(written.size()) < writing.n_predict) session.write(next, pick);
  }
  return written;
}

}  // namespace ropewalk
