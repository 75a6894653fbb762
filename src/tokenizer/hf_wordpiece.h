// SPDX-License-Identifier: Apache-2.0
/// WordPiece in a Hugging Face folder: tokenizer.json, or vocab.txt, one piece a line.
#pragma once
#include <memory>
#include <string_view>

#include "tokenizer/hf_json.h"
#include "tokenizer/hf_settings.h"
#include "tokenizer/wordpiece.h"

namespace rw {

/// Whether "model" of a tokenizer.json is WordPiece.
bool is_wordpiece(const HfJson::Document& root);

/// RoFormer's own tokenizer cuts Chinese into words by rjieba, and keeps those that the vocabulary has; here
/// each Chinese character is a word, whatever tokenizer.json says of it.
std::unique_ptr<PieceTokenizer> read_hf_wordpiece(const HfJson& json, const HfJson::Document& root,
                                                  const HfSettings& settings);

/// `lines`: the text of vocab.txt; what else matters is in `settings` (tokenizer_config.json), as
/// BertTokenizer has it.
std::unique_ptr<PieceTokenizer> read_wordpiece_lines(std::string_view lines, const HfSettings& settings);

/// Sets what stands around a text ([CLS], [SEP]) and the mask, by the names of `settings` or the usual
/// spellings.
void set_bert_tokens(PieceTokenizer& tokenizer, const HfSettings& settings);

}  // namespace rw
