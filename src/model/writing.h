// SPDX-License-Identifier: Apache-2.0
/// Writing with a session: the likeliest token each time, or one that a sampler draws.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "model/sampler.h"
#include "model/session.h"

namespace rw {

struct Writing {
  Index n_predict = 0;               ///< most tokens to write
  std::span<const Token> stop = {};  ///< ends before one of these
  TokensDone read = {};              ///< prompt tokens read so far
  std::function<void(Token)> wrote = {};
  /// The logits after this many tokens are not numbers (NaN): nothing more is written.
  std::function<void(Index position)> not_numbers = {};
  Sampler* sampler = nullptr;         ///< none: the likeliest token, the first of equal ones
  std::function<bool()> enough = {};  ///< asked behind each token: nothing more is written
};

/// Reads `prompt` in a new or used session, then writes. The session's length must hold both. Errors: Error
/// for an empty prompt; Engine::step's.
std::vector<Token> write_on(Session& session, std::span<const Token> prompt, const Writing& writing);

}  // namespace rw
