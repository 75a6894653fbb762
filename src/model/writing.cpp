// SPDX-License-Identifier: Apache-2.0
#include "model/writing.h"

#include <algorithm>

namespace rw {

std::vector<Token> write_on(Session& session, std::span<const Token> prompt, const Writing& writing) {
  if (prompt.empty())
    throw Error("prompt", "at least one token to write after", "none", "give a longer text");
  Token next = kNoToken;
  const bool draws = writing.sampler && !writing.sampler->settings().plain();
  const LogitsSink draw = [&](Index, Index, const float* logits) { next = writing.sampler->next(logits); };
  const Index end = session.position() + static_cast<Index>(prompt.size());
  session.run(
      prompt,
      {.begin = end - 1, .end = end, .logits = draws ? &draw : nullptr, .greatest = draws ? nullptr : &next},
      writing.read);
  std::vector<Token> written;
  while (static_cast<Index>(written.size()) < writing.n_predict) {
    if (next == kNoToken) {
      if (writing.not_numbers) writing.not_numbers(session.position());
      break;
    }
    if (std::find(writing.stop.begin(), writing.stop.end(), next) != writing.stop.end()) break;
    written.push_back(next);
    if (writing.wrote) writing.wrote(next);
    if (static_cast<Index>(written.size()) == writing.n_predict || (writing.enough && writing.enough()))
      break;
    if (draws)
      session.write(next, draw);
    else
      next = session.write(next);
  }
  return written;
}

}  // namespace rw
