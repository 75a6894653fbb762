// SPDX-License-Identifier: Apache-2.0
#include "model/greedy.h"

#include <algorithm>

namespace ropewalk {

std::vector<Token> write_greedily(Session& session, std::span<const Token> prompt, const Writing& writing) {
  if (prompt.empty())
    throw Error("prompt", "at least one token to write after", "none", "give a longer text");
  Token next = kNoToken;
  const Index end = session.position() + static_cast<Index>(prompt.size());
  session.run(prompt, {.begin = end - 1, .end = end, .greatest = &next}, writing.read);
  std::vector<Token> written;
  while (static_cast<Index>(written.size()) < writing.n_predict) {
    if (next == kNoToken) {
      if (writing.not_numbers) writing.not_numbers(session.position());
      break;
    }
    if (std::find(writing.stop.begin(), writing.stop.end(), next) != writing.stop.end()) break;
    written.push_back(next);
    if (writing.wrote) writing.wrote(next);
    if (static_cast<Index>(written.size()) < writing.n_predict) next = session.write(next);
  }
  return written;
}

}  // namespace ropewalk
