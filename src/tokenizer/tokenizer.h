// SPDX-License-Identifier: Apache-2.0
/// Text to token ids and back, as the model was trained.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "formats/model_file.h"

namespace ropewalk {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// From GGUF metadata (tokenizer.ggml.*), or from tokenizer.json where the model is a folder.
  /// Errors: Error for an unknown tokenizer model or pre-tokenizer (lists the known) or damaged data.
  static std::unique_ptr<Tokenizer> open(const ModelFile& file);

  /// Ids of `text`. Any bytes are accepted, invalid UTF-8 too. `special`: whether the spelling of a
  /// special token in the text becomes that token. No BOS is added.
  virtual std::vector<Token> encode(std::string_view text, bool special = false) const = 0;
  /// The bytes a token stands for (a special token: nothing unless `special`).
  virtual std::string decode(Token id, bool special = false) const = 0;
  std::string decode(const std::vector<Token>& ids, bool special = false) const {
    std::string text;
    for (Token id : ids) text += decode(id, special);
    return text;
  }
  virtual Index n_vocab() const = 0;
  virtual std::string kind() const = 0;  ///< "BPE smollm", "SentencePiece BPE" ...

  std::optional<Token> bos, eos, eot;
  bool add_bos = false;       ///< whether the model was trained with BOS before a text
  std::string chat_template;  ///< Jinja text as the file carries it; empty if none
  /// Ids that end a turn: eos, eot, <|im_end|>, <|eot_id|>, <|end|>.
  std::vector<Token> end_tokens;
};

/// The turn of one user message ready for the answer, spelled with special tokens, or nullopt if the
/// template is none of the known kinds (ChatML, Llama-2, Llama-3, Mistral, Zephyr, Phi-3).
std::optional<std::string> chat_prompt(const Tokenizer& tokenizer, std::string_view user_message);

/// The same as tokens around the user's: a special token's spelling inside of the message stays plain text.
struct ChatTurn {
  std::vector<Token> before, after;  ///< before: with BOS where the model wants it
};
std::optional<ChatTurn> chat_turn(const Tokenizer& tokenizer);

}  // namespace ropewalk
