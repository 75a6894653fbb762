// SPDX-License-Identifier: Apache-2.0
/// The table every tokenizer stands on: spelling and kind of each id, checked once when it is built.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "core/types.h"

namespace rw {

/// GGUF's tokenizer.ggml.token_type.
enum class PieceKind : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

/// Whether text may become this piece: "<0x41>" in a text is six characters, not a byte piece.
inline bool is_text(PieceKind kind) { return kind == PieceKind::kNormal || kind == PieceKind::kUserDefined; }

inline constexpr std::size_t kMaxPieceBytes = std::size_t{16} << 20;

class Vocabulary {
 public:
  Vocabulary() = default;
  /// Takes spellings and kinds of the same length (an empty `kinds`: all normal).
  /// Errors: Error for no piece, more than 2^31 - 1 of them, a piece above kMaxPieceBytes, a kind
  /// outside 1..6.
  Vocabulary(std::vector<std::string> pieces, std::vector<PieceKind> kinds);
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;  // ids_ points into pieces_
  Vocabulary& operator=(const Vocabulary&) = delete;

  Index size() const { return static_cast<Index>(pieces_.size()); }
  bool contains(Index id) const { return id >= 0 && id < size(); }
  /// `id` must be in the table.
  const std::string& piece(Token id) const { return pieces_[static_cast<std::size_t>(id)]; }
  PieceKind kind(Token id) const { return kinds_[static_cast<std::size_t>(id)]; }
  /// Id of a spelling, -1 when there is none. Where two ids are spelled alike the lower one wins.
  Token find(std::string_view piece) const {
    const auto it = ids_.find(piece);
    return it == ids_.end() ? Token{-1} : it->second;
  }
  std::size_t longest() const { return longest_; }  ///< bytes

 private:
  std::vector<std::string> pieces_;
  std::vector<PieceKind> kinds_;
  std::unordered_map<std::string_view, Token> ids_;
  std::size_t longest_ = 0;
};

/// The byte of "<0xNN>", two hexadecimal digits exactly; nullopt for every other spelling.
std::optional<unsigned char> parse_byte_piece(std::string_view piece);

/// For each byte the id of its "<0xNN>" piece, -1 where there is none.
std::array<Token, 256> byte_pieces(const Vocabulary& vocabulary);

/// GPT-2's alphabet: a printable character for each byte, so that a vocabulary of byte strings is text.
class ByteAlphabet {
 public:
  static const ByteAlphabet& get();
  const std::string& spelling(unsigned char byte) const { return spelling_[byte]; }
  /// The bytes that `piece` spells; nullopt if a character is outside the alphabet (an added token).
  std::optional<std::string> bytes(std::string_view piece) const;
  std::string spell(std::string_view bytes) const;

 private:
  ByteAlphabet();
  std::array<std::string, 256> spelling_;
  std::array<std::int16_t, 0x144> byte_of_;  ///< code point -> byte, -1 outside
};

/// U+2581, which stands for a space in SentencePiece vocabularies.
inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";

/// `text` with U+2581 for every space.
std::string mark_spaces(std::string_view text);

/// `piece` with every U+2581 turned back into a space.
std::string unmark_spaces(std::string_view piece);

}  // namespace rw
