// SPDX-License-Identifier: Apache-2.0
/// What BERT's tokenizers do to a text before WordPiece: BertNormalizer and BertPreTokenizer of `tokenizers`,
/// with its tables (tools/make_bert_tables.py).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// The options of BertNormalizer; what is off leaves the text as it is.
struct BertText {
  bool clean = true;          ///< drops control characters, makes white space spaces (clean_text)
  bool chinese_apart = true;  ///< each Chinese character is a word (handle_chinese_chars)
  bool strip_accents = true;
  bool lowercase = true;
};

/// `text` (valid UTF-8), normalized. One character differs: U+11938 is decomposed, which `tokenizers` leaves
/// whole.
std::string normalize_bert(std::string_view text, const BertText& options);

/// Words of `text` (valid UTF-8), in order: what stands between white space, each punctuation character
/// alone.
std::vector<std::string_view> split_bert_words(std::string_view text);

}  // namespace rw
