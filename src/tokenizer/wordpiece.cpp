// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/wordpiece.h"

#include <algorithm>

#include "core/utf8.h"

namespace rw {
WordPieceTokenizer::WordPieceTokenizer(Vocabulary vocab, SpecialSplitter specials, WordPieces pieces,
                                       BertText text)
    : PieceTokenizer(std::move(vocab), std::move(specials), "WordPiece", pieces.unknown),
      pieces_(std::move(pieces)),
      text_(text) {
  if (!vocabulary().contains(pieces_.unknown))
    throw Error("tokenizer", "an unknown token ([UNK])", "none",
                "a WordPiece vocabulary spells some words by it");
}

void WordPieceTokenizer::encode_stretch(std::string_view text, Before, std::vector<Token>& ids) const {
  const std::string normalized = normalize_bert(with_valid_utf8(text), text_);
  for (std::string_view word : split_bert_words(normalized)) encode_word(word, ids);
}

void WordPieceTokenizer::encode_word(std::string_view word, std::vector<Token>& ids) const {
  const auto continues = [&](std::size_t i) { return i < word.size() && (word[i] & 0xc0) == 0x80; };
  std::size_t characters = 0;
  for (std::size_t i = 0; i < word.size(); ++i) characters += continues(i) ? 0 : 1;
  const std::size_t n_before = ids.size();
  std::string spelling;
  std::size_t start = characters > pieces_.max_characters ? std::string_view::npos : 0;
  while (start < word.size()) {
    const std::string& prefix = start == 0 ? pieces_.first_prefix : pieces_.inner_prefix;
    spelling = prefix;
    spelling += word.substr(start, vocabulary().longest());
    std::size_t end = start + spelling.size() - prefix.size();
    Token id = -1;
    for (; end > start; --end) {
      if (continues(end)) continue;
      spelling.resize(prefix.size() + end - start);
      id = vocabulary().find(spelling);
      if (id >= 0 && vocabulary().kind(id) != PieceKind::kControl) break;
    }
    if (end == start) break;
    ids.push_back(id);
    start = end;
  }
  if (start == word.size()) return;
  ids.resize(n_before);
  ids.push_back(pieces_.unknown);
}

std::string WordPieceTokenizer::decode(Token id, bool special) const {
  const std::string text = PieceTokenizer::decode(id, special);
  const bool ordinary = vocabulary().kind(id) == PieceKind::kNormal;
  return ordinary || text.empty() ? text : " " + text;
}

std::string WordPieceTokenizer::decode_piece(Token id) const {
  const std::string_view piece = vocabulary().piece(id);
  const bool first = pieces_.first_prefix.empty() ? !piece.starts_with(pieces_.inner_prefix)
                                                  : piece.starts_with(pieces_.first_prefix);
  const std::string& prefix = first ? pieces_.first_prefix : pieces_.inner_prefix;
  return (first ? " " : "") + std::string(piece.substr(prefix.size()));
}

}  // namespace rw
