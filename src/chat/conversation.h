// SPDX-License-Identifier: Apache-2.0
/// A conversation inside the model's chat template, ready for the next answer, as tokens. As in chat/turn.h
/// the template is rendered and the whole encoded at once, and control tokens are read in what the template
/// wrote and not in what anybody said.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "chat/turn.h"

namespace rw {

struct Message {
  std::string role;  ///< "system", "user", "assistant", or what the template knows beside them
  std::string content;
};

struct Conversation {
  std::vector<Token> tokens;  ///< with BOS, and the begin of the answer
  std::string text;           ///< the same as the template wrote it, without the BOS that a tokenizer adds
};

/// `settings`: raw is not looked at; special: control tokens that are spelled in messages are read as such.
/// Messages are found again in what the template wrote: as they are, trimmed, and of an answer what stands
/// behind its thoughts. Errors: Error without a chat template; where it cannot be run, or refuses the
/// conversation; where it changes messages otherwise and one of them spells a control token, which nobody
/// could tell apart then.
Conversation conversation_prompt(const Tokenizer& tokenizer, std::span<const Message> messages,
                                 const ChatSettings& settings);

}  // namespace rw
