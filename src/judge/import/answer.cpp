// SPDX-License-Identifier: Apache-2.0
/// The part of import.h that needs a model.
#include "core/error.h"
#include "judge/import/import.h"

namespace ropewalk {

FilePrompt file_prompt(const Tokenizer& tokenizer, const FileQuestion& question, Index length, bool raw,
                       bool truncate, const std::string& place) {
  std::optional<ChatTurn> turn;
  if (!raw && question.chat) turn = chat_turn(tokenizer);
  FilePrompt prompt{.tokens = {}, .chat = turn.has_value()};
  if (turn)
    prompt.tokens = turn->before;
  else if (tokenizer.add_bos && tokenizer.bos)
    prompt.tokens = {*tokenizer.bos};
  std::vector<Token> message = tokenizer.encode(question.prompt);
  std::vector<Token> after = turn ? turn->after : std::vector<Token>{};
  const std::vector<Token> prefix = tokenizer.encode(question.prefix);
  after.insert(after.end(), prefix.begin(), prefix.end());
  const Index around =
      static_cast<Index>(prompt.tokens.size()) + static_cast<Index>(after.size()) + question.n_predict;
  const Index needed = around + static_cast<Index>(message.size()), room = length - around;
  if (length > 0 && needed > length) {
    if (!truncate || room < 2)
      throw Error(place, fmt::format("a question and answer of at most {} tokens", length),
                  fmt::format("{} tokens, {} of them for the answer", needed, question.n_predict),
                  "give a longer --length, or --truncate middle");
    prompt.n_cut = static_cast<Index>(message.size()) - room;
    message.erase(message.begin() + (room + 1) / 2, message.begin() + (room + 1) / 2 + prompt.n_cut);
  }
  prompt.tokens.insert(prompt.tokens.end(), message.begin(), message.end());
  prompt.tokens.insert(prompt.tokens.end(), after.begin(), after.end());
  if (prompt.tokens.empty()) throw Error(place, "a question", "an empty text");
  return prompt;
}

}  // namespace ropewalk
