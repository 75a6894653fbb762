// SPDX-License-Identifier: Apache-2.0
/// Unigram behind Tokenizer, and what comes before it: SentencePiece's normalizer, or the steps of a
/// tokenizer.json.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/charsmap.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/unigram.h"

namespace rw {

/// What SentencePiece does to a text first (its NormalizerSpec).
struct SentencePieceText {
  std::shared_ptr<const Charsmap> charsmap;  ///< null: characters stay as they are
  bool add_prefix = true;                    ///< a space before the text (add_dummy_prefix)
  bool drop_spaces = true;                   ///< none at its ends, one for several (remove_extra_whitespaces)
  SpecialSplitter kept;                      ///< user-defined pieces: no character of them is looked up
};

/// A splitter of the user-defined pieces, as they are spelled; those of `except` are left out.
SpecialSplitter user_defined(const Vocabulary& vocabulary, const std::vector<Token>& except = {});

/// `text` so, with U+2581 for spaces and U+FFFD for bytes that are no UTF-8. `first`: nothing stands before
/// it. Source: sentencepiece's normalizer.cc.
std::string normalize_sentencepiece(std::string_view text, const SentencePieceText& rules, bool first);

struct UnigramText {
  bool by_sentencepiece = false;  ///< `rules` come first, else `steps`
  SentencePieceText rules;
  std::vector<std::function<std::string(std::string_view)>> steps;  ///< of valid UTF-8
  SpaceMarks marks;
  bool split_at_spaces = false;  ///< words are apart where white space is (WhitespaceSplit), before marks
};

class UnigramTokenizer final : public PieceTokenizer {
 public:
  /// User-defined pieces that `specials` does not have are pieces of the model: it prefers them to others.
  UnigramTokenizer(Vocabulary vocabulary, SpecialSplitter specials, std::vector<double> scores,
                   UnigramOptions options, UnigramText text);
  std::string decode(Token id, bool special) const override;
  using Tokenizer::decode;

 private:
  void encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const override;
  void encode_words(std::string_view text, Before before, std::vector<Token>& ids) const;
  std::string decode_piece(Token id) const override;

  UnigramModel model_;
  UnigramText text_;
};

}  // namespace rw
