// SPDX-License-Identifier: Apache-2.0
/// tokenizer.model: SentencePiece's own file (a protobuf message), where a folder has no tokenizer.json.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/hf_settings.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/unigram_tokenizer.h"

namespace rw {

/// What of the message changes ids.
struct SentencePieceModel {
  std::vector<std::string> pieces;
  std::vector<float> scores;
  std::vector<PieceKind> kinds;
  Token unknown = 0;
  bool unigram = false;        ///< else BPE
  bool byte_fallback = false;  ///< of Unigram; BPE has it where the byte pieces are there
  SentencePieceText text;      ///< of BPE only add_prefix, the rest is off
};

/// Errors: Error naming `place` for a damaged message, a model that is neither BPE nor Unigram, or a BPE with
/// a normalization of its own.
SentencePieceModel read_sentencepiece_model(std::string_view message, std::string_view place);

/// The tokenizer, with the added tokens of `settings`: at the ids that they name, in place of unused pieces
/// or behind the last.
std::unique_ptr<PieceTokenizer> make_sentencepiece(SentencePieceModel model, const HfSettings& settings,
                                                   std::string_view place);

}  // namespace rw
