// SPDX-License-Identifier: Apache-2.0
/// SentencePiece-style BPE: no merge rules; two neighbours join when their text is a piece, the highest
/// score first. What no piece covers falls back to bytes.
#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace rw {

class SpmMerger {
 public:
  /// `scores`: one for each piece. Errors: Error for another number of them or one that is not finite.
  SpmMerger(const Vocabulary& vocabulary, std::vector<float> scores, Token unknown);

  /// Appends the ids of `text`, in which spaces are U+2581 already. Any bytes: an invalid one is a symbol of
  /// its own. O(n log n). Errors: Error for a byte without a byte piece where there is no unknown piece.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& ids) const;

 private:
  void append_bytes(std::string_view bytes, std::vector<Token>& ids) const;
  std::vector<float> scores_;
  std::array<Token, 256> byte_ids_;
  Token unknown_;
};

}  // namespace rw
