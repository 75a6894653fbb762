// SPDX-License-Identifier: Apache-2.0
/// How a server goes on with a prompt, or answers a message.
#pragma once
#include <span>
#include <string>

#include "judge/asked_engine.h"
#include "remote/scoring.h"

namespace rw::remote {

/// How a server takes prompts, and tells what it wrote.
struct Writing {
  bool as_text = false;    ///< it takes no ids
  bool tells_ids = false;  ///< it says the ids that it wrote (vLLM's return_token_ids)
};

/// Found by a short prompt, as ids and as text. Errors: Error for a server that takes neither.
Writing writing_of(Server& server, std::span<const Token> ids, const std::string& text);

/// n_predict tokens behind a prompt, at temperature 0. Of a server that tells ids the tokens are those; the
/// text is theirs where the prompt ends inside a character: there vLLM (0.32.0, seen) puts the prompt before
/// the answer. Errors: those of Server; Error where the answer has not this form.
Written completed(const Server& server, const Writing& how, const Prompt& prompt, const Tokenizer& tokenizer,
                  Index n_predict);

/// A text that was written, as tokens: as many as were asked for.
Written written_of(std::string text, const Tokenizer& tokenizer, Index n_predict);

struct ChatAnswer {
  std::string text;
  Index n_prompt = 0;  ///< tokens that the server read, its template among them; 0: it does not say
};

/// A user's message answered, without thoughts where the template can. Errors: as completed.
ChatAnswer chat_answer(const Server& server, const std::string& message, Index n_predict);

/// Whether no character is cut at an end.
bool is_whole(const std::string& text);

}  // namespace rw::remote
