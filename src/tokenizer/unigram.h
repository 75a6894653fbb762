// SPDX-License-Identifier: Apache-2.0
/// SentencePiece's Unigram: of all ways to cut a text into pieces the most probable one.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace rw {

struct UnigramOptions {
  Token unknown = -1;
  bool byte_fallback = false;  ///< unknown characters become their "<0xNN>" pieces
  bool single_precision =
      false;  ///< sums are float, as in sentencepiece; else double (tokenizers, llama.cpp)
};

/// The pieces p_1 p_2 ... that spell the text with the greatest sum of scores (log probabilities), by dynamic
/// programming over its bytes (Viterbi); a character without a piece costs the least score less 10, a
/// user-defined piece of n bytes has n times the greatest score less 0.1, so that it wins. Source:
/// T. Kudo, Subword Regularization, 2018; sentencepiece's unigram_model.cc
/// (EncodeOptimized).
class UnigramModel {
 public:
  /// `scores`: one for each piece. Errors: Error for another number of them, or one that is not finite.
  UnigramModel(const Vocabulary& vocabulary, std::vector<double> scores, UnigramOptions options);

  /// Appends the ids of `text`, in which spaces are U+2581 already: O(n m) for n bytes and pieces of at most
  /// m. A run of characters without pieces is one unknown token, or its bytes. Errors: Error for such a run
  /// where there is neither.
  void encode(std::string_view text, std::vector<Token>& ids) const;

 private:
  /// A state of the trie of all pieces; its children are next to each other, sorted by byte.
  struct Node {
    std::uint32_t first_child = 0;
    std::uint16_t n_children = 0;
    std::uint8_t byte = 0;
    Token id = -1;
  };
  void build(const Vocabulary& vocabulary);
  const Node* child(const Node& node, unsigned char byte) const;
  double sum(double a, double b) const {
    return options_.single_precision ? static_cast<double>(static_cast<float>(a) + static_cast<float>(b))
                                     : a + b;
  }
  void append_unknown(std::string_view text, std::vector<Token>& ids) const;

  std::vector<Node> nodes_;
  std::vector<double> scores_;
  UnigramOptions options_;
  std::array<Token, 256> byte_ids_;
  double unknown_score_ = 0;
};

}  // namespace rw
