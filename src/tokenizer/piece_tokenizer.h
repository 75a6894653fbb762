// SPDX-License-Identifier: Apache-2.0
/// The tokenizers behind Tokenizer: they share special tokens and decoding and differ in how a
/// stretch of ordinary text becomes ids.
#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bpe.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/special.h"
#include "tokenizer/spm.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocabulary.h"

namespace rw {

/// How spaces become U+2581 before anything else.
struct SpaceMarks {
  enum class Prefix { kNever, kFirst, kAlways };
  Prefix prefix = Prefix::kNever;  ///< one mark before the text's first stretch, or before every one
  bool unless_marked = false;      ///< not before a stretch that begins with a mark (Metaspace)
  bool split = false;              ///< words begin at marks and nothing merges across (Metaspace)
};

class PieceTokenizer : public Tokenizer {
 public:
  /// `marks_spaces`: spaces are U+2581 when special tokens are looked for, and these are spelled so.
  /// `unknown`: unk, or -1.
  PieceTokenizer(Vocabulary vocabulary, SpecialSplitter specials, std::string kind, Token unknown,
                 bool marks_spaces = false)
      : vocabulary_(std::move(vocabulary)),
        specials_(std::move(specials)),
        kind_(std::move(kind)),
        marks_spaces_(marks_spaces) {
    specials_.marked = marks_spaces;
    if (unknown >= 0) unk = unknown;
  }

  std::vector<Token> encode(std::string_view text, bool special) const override {
    const TextPart part{text, special};
    return encode_parts({&part, 1}, false);
  }
  std::vector<Token> encode_parts(std::span<const TextPart> parts, bool inside) const override;
  std::string decode(Token id, bool special) const override;
  using Tokenizer::decode;
  Index n_vocab() const override { return vocabulary_.size(); }
  std::string kind() const override { return kind_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }

  /// Errors: Error when bos, eos or eot is outside the vocabulary. Fills eot and end_tokens from well-known
  /// spellings and drops add_bos where there is no bos.
  void finish();

 protected:
  /// What stands before a stretch of text.
  enum class Before { kNothing, kControl, kUserDefined, kText };
  /// Appends the ids of text without special tokens.
  virtual void encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const = 0;
  virtual std::string decode_piece(Token id) const = 0;
  /// `text` with U+2581 for its spaces, and before it where `marks` say so.
  static std::string marked_text(std::string_view text, const SpaceMarks& marks, Before before);
  /// Calls take(word) for each word of a text so marked: all of it unless marks.split.
  template <class Take>
  static void for_marked_words(std::string_view marked, const SpaceMarks& marks, const Take& take) {
    if (!marks.split) return take(marked);
    for (std::size_t start = 0, next; start < marked.size(); start = next) {
      next = std::min(marked.find(kSpaceMark, start + 1), marked.size());
      take(marked.substr(start, next - start));
    }
  }

 private:
  Vocabulary vocabulary_;
  SpecialSplitter specials_;
  std::string kind_;
  bool marks_spaces_;
};

/// Byte-level BPE (GPT-2 and what followed).
class ByteBpeTokenizer final : public PieceTokenizer {
 public:
  ByteBpeTokenizer(Vocabulary vocabulary, SpecialSplitter specials, Merges merges, Pretokenizer pretokenizer,
                   Token unknown);
  bool nfc = false;               ///< text is composed first (Unicode NFC), as Qwen2's tokenizer.json asks
  bool add_prefix_space = false;  ///< ByteLevel's option of that name

 private:
  void encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const override;
  void encode_run(std::string_view run, std::vector<Token>& ids) const;
  void append_symbol(Token symbol, std::vector<Token>& ids) const;
  std::string decode_piece(Token id) const override;

  Merges merges_;
  Pretokenizer pretokenizer_;
  std::array<Token, 256> byte_ids_;
  /// For a byte without a token (SmolLM2 lacks 21): U+FFFD if the vocabulary can spell it, else the unknown
  /// token, else nothing, which is an Error when such a byte comes.
  std::vector<Token> replacement_;
};

/// BPE over characters with "<0xNN>" pieces for what is missing: Llama-2, Gemma in a tokenizer.json.
class CharacterBpeTokenizer final : public PieceTokenizer {
 public:
  /// `pretokenizer`: cuts what has its spaces marked; without steps all of it is one word.
  CharacterBpeTokenizer(Vocabulary vocabulary, SpecialSplitter specials, Merges merges,
                        Pretokenizer pretokenizer, SpaceMarks marks, Token unknown, bool byte_fallback,
                        bool fuse_unknown);
  bool nfc = false;  ///< text is composed first (Unicode NFC)

 private:
  void encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const override;
  void encode_word(std::string_view word, std::vector<Token>& ids) const;
  std::string decode_piece(Token id) const override;

  Merges merges_;
  Pretokenizer pretokenizer_;
  SpaceMarks marks_;
  Token unknown_;
  bool byte_fallback_, fuse_unknown_;
  std::array<Token, 256> byte_ids_;
};

/// SentencePiece-style BPE from a GGUF's scores or a tokenizer.model. Special tokens of the vocabulary and of
/// the splitter have U+2581 for their spaces: a run of spaces may be a piece (Gemma), and is found in the
/// marked text.
class SpmTokenizer final : public PieceTokenizer {
 public:
  SpmTokenizer(Vocabulary vocabulary, SpecialSplitter specials, std::vector<float> scores, Token unknown,
               bool add_space_prefix);

 private:
  void encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const override;
  std::string decode_piece(Token id) const override;

  SpmMerger merger_;
  bool add_space_prefix_;
};

/// tokenizer.json (and tokenizer_config.json beside it, if there) of a model folder.
std::unique_ptr<Tokenizer> open_hf_tokenizer(const ModelFile& file);
/// The same of a folder that may have nothing else.
std::unique_ptr<Tokenizer> open_hf_tokenizer(const std::string& folder);
/// The same from texts in memory; an empty `config` is none. `place` names the file in messages.
std::unique_ptr<Tokenizer> parse_hf_tokenizer(std::string_view tokenizer_json, std::string_view config,
                                              std::string_view place);

}  // namespace rw
