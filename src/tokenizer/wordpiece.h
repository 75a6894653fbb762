// SPDX-License-Identifier: Apache-2.0
/// WordPiece (BERT, RoFormer): each word is the longest piece that begins it, then the longest that goes on,
/// until it ends; a word that cannot be spelled so is one unknown token.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bert_text.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {

/// How a vocabulary spells its pieces. BERT's own: "un", "##able"; in a GGUF: "\u2581un", "able".
struct WordPieces {
  std::string first_prefix, inner_prefix = "##";
  Token unknown = -1;
  std::size_t max_characters = 100;  ///< a longer word is unknown
};

class WordPieceTokenizer final : public PieceTokenizer {
 public:
  /// Errors: Error where the unknown token is outside the vocabulary.
  WordPieceTokenizer(Vocabulary vocabulary, SpecialSplitter specials, WordPieces pieces, BertText text);
  /// Every word has a space before it, a special token too.
  std::string decode(Token id, bool special) const override;
  using Tokenizer::decode;

 private:
  void encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const override;
  void encode_word(std::string_view word, std::vector<Token>& ids) const;
  std::string decode_piece(Token id) const override;

  WordPieces pieces_;
  BertText text_;
};

}  // namespace rw
