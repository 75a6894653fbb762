// SPDX-License-Identifier: Apache-2.0
/// How a server tells the losses of a prompt. One file for each form, in forms/.
#pragma once
#include <functional>
#include <span>

#include "core/registry.h"
#include "core/types.h"
#include "remote/server.h"

namespace rw::remote {

/// A prompt as ids, and as text for servers that take nothing else.
struct Prompt {
  std::span<const Token> tokens;
  std::string text = {};
  bool as_text = false;
  std::string end = {};  ///< as_text: the text of the last tokens, to see that the server has the same
  Json json() const { return as_text ? Json(text) : Json(tokens); }
};

/// Of the prompt's last tokens.
struct Scored {
  std::vector<double> losses;   ///< nats
  std::vector<bool> likeliest;  ///< whether no token was likelier
};

struct ScoringForm {
  std::string name;  ///< what it is asked by, "prompt_logprobs"
  int order = 0;     ///< the first that a server knows is taken
  /// Of the last n tokens. Errors: those of Server; Error where the answer has not this form.
  std::function<Scored(const Server& server, const Prompt& prompt, std::size_t n)> ask;
};

/// By order.
std::vector<const ScoringForm*> scoring_forms();

/// -log p of a number of an answer. Errors: Error where it is no log-probability: null is what servers say of
/// a token that nothing stands before.
double loss_of(const JsonInput& logprob, std::string_view place);
/// choices[0] of an answer. Errors: Error.
const JsonInput& choice_of(const JsonInput& answer, std::string_view place);

}  // namespace rw::remote
