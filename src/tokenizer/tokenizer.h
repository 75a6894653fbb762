// SPDX-License-Identifier: Apache-2.0
/// Text to token ids and back, as the model was trained.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/types.h"
#include "formats/model_file.h"

namespace rw {

/// A stretch of a longer text. `special`: whether the spelling of a control token in it becomes that token.
struct TextPart {
  std::string_view text;
  bool special = false;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// From GGUF metadata (tokenizer.ggml.*), or from tokenizer.json or vocab.txt where the model is a folder.
  /// Errors: Error for an unknown tokenizer model or pre-tokenizer (lists the known) or damaged data.
  static std::unique_ptr<Tokenizer> open(const ModelFile& file);

  /// Ids of `text`. Any bytes are accepted, invalid UTF-8 too. `special`: whether the spelling of a
  /// special token in the text becomes that token. No BOS is added.
  virtual std::vector<Token> encode(std::string_view text, bool special = false) const = 0;
  /// Ids of the parts as one text: those of the whole, but that no control token is read in, or across the
  /// border of, a part that is not special. `inside`: other text stands before; what belongs to the beginning
  /// of a text (SentencePiece's space) is left out.
  virtual std::vector<Token> encode_parts(std::span<const TextPart> parts, bool inside = false) const;
  /// Ids of plain text behind other text.
  std::vector<Token> encode_inside(std::string_view text) const {
    const TextPart part{text};
    return encode_parts({&part, 1}, true);
  }
  /// The bytes a token stands for (a special token: nothing unless `special`).
  virtual std::string decode(Token id, bool special = false) const = 0;
  std::string decode(const std::vector<Token>& ids, bool special = false) const {
    return decode_all(ids, special);
  }
  virtual Index n_vocab() const = 0;
  virtual std::string kind() const = 0;  ///< "BPE smollm", "SentencePiece BPE" ...

  std::optional<Token> bos, eos, eot;
  std::optional<Token> mask;  ///< the token of a masked language model that stands for an unknown one
  /// What encode writes for text that the vocabulary has no piece for, as the file says; a tokenizer that
  /// spells every byte may name one and never write it.
  std::optional<Token> unk;
  bool add_bos = false;       ///< whether the model was trained with BOS before a text (an encoder: [CLS])
  bool add_eos = false;       ///< whether it was trained with EOS behind it (an encoder: [SEP])
  std::vector<Token> begins;  ///< what stands before a text in place of bos alone (GLM-4: [gMASK] <sop>)
  /// What the model was trained with before a text: begins, else bos; nothing unless add_bos.
  std::vector<Token> text_begin() const {
    if (!add_bos) return {};
    return begins.empty() && bos ? std::vector<Token>{*bos} : begins;
  }
  /// What a chat template calls bos_token, eos_token ...: names and spellings, where the model has them.
  std::vector<std::pair<std::string, std::string>> special_texts;
  /// Jinja text as the files carry it; empty if none. It is run by chat/, not here.
  std::string chat_template;
  std::string chat_template_place;    ///< the file, and the name in a list of templates
  std::string chat_template_problem;  ///< why none of several could be taken; empty where there is none
  /// Ids that end a turn: eos, eot, eom, all that config.json and generation_config.json list, and the ends
  /// of turns and texts that are known by their spelling.
  std::vector<Token> end_tokens;

 protected:
  /// The bytes of all, one behind the other.
  virtual std::string decode_all(std::span<const Token> ids, bool special) const {
    std::string text;
    for (const Token id : ids) text += decode(id, special);
    return text;
  }
};

}  // namespace rw
