// SPDX-License-Identifier: Apache-2.0
/// The part of import.h that needs a model.
#include "chat/turn.h"
#include "core/error.h"
#include "judge/import/import.h"

namespace rw {

FilePrompt file_prompt(const Tokenizer& tokenizer, const FileQuestion& question, Index length, bool raw,
                       bool truncate, const std::string& place) {
  ChatPrompt whole =
      user_prompt(tokenizer, question.prompt, question.prefix, judged_chat(raw || !question.chat));
  FilePrompt prompt{.tokens = std::move(whole.tokens), .chat = whole.chat};
  const Index needed = static_cast<Index>(prompt.tokens.size()) + question.n_predict;
  const Index room = length - whole.n_before - whole.n_after - question.n_predict;
  if (length > 0 && needed > length) {
    if (!truncate || room < 2)
      throw Error(place, fmt::format("a question and answer of at most {} tokens", length),
                  fmt::format("{} tokens, {} of them for the answer", needed, question.n_predict),
                  "give a longer --length, or --truncate middle");
    prompt.n_cut = needed - length;
    const auto cut = prompt.tokens.begin() + whole.n_before + (room + 1) / 2;
    prompt.tokens.erase(cut, cut + prompt.n_cut);
  }
  if (prompt.tokens.empty()) throw Error(place, "a question", "an empty text");
  return prompt;
}

}  // namespace rw
