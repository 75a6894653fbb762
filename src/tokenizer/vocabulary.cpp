// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/vocabulary.h"

#include <algorithm>
#include <limits>

#include "core/utf8.h"

namespace rw {

Vocabulary::Vocabulary(std::vector<std::string> pieces, std::vector<PieceKind> kinds)
    : pieces_(std::move(pieces)), kinds_(std::move(kinds)) {
  constexpr std::string_view kPlace = "vocabulary";
  if (pieces_.empty() || pieces_.size() > static_cast<std::size_t>(std::numeric_limits<Token>::max()))
    throw Error(kPlace, "1 to 2^31 - 1 tokens", std::to_string(pieces_.size()));
  if (kinds_.empty()) kinds_.assign(pieces_.size(), PieceKind::kNormal);
  if (kinds_.size() != pieces_.size())
    throw Error(kPlace, fmt::format("{} token types, one for each token", pieces_.size()),
                std::to_string(kinds_.size()));
  ids_.reserve(pieces_.size());
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (pieces_[i].size() > kMaxPieceBytes)
      throw Error(kPlace, "tokens of at most 16 MiB",
                  fmt::format("{} bytes in token {}", pieces_[i].size(), i));
    if (kinds_[i] < PieceKind::kNormal || kinds_[i] > PieceKind::kByte)
      throw Error(kPlace, "token types from 1 to 6",
                  fmt::format("{} for token {}", static_cast<int>(kinds_[i]), i));
    longest_ = std::max(longest_, pieces_[i].size());
    ids_.emplace(pieces_[i], static_cast<Token>(i));
  }
}

std::optional<unsigned char> parse_byte_piece(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return std::nullopt;
  int value = 0;
  for (char c : piece.substr(3, 2)) {
    int digit = 0;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10;
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else
      return std::nullopt;
    value = value * 16 + digit;
  }
  return static_cast<unsigned char>(value);
}

std::array<Token, 256> byte_pieces(const Vocabulary& vocabulary) {
  std::array<Token, 256> ids;
  for (int byte = 0; byte < 256; ++byte)
    ids[static_cast<std::size_t>(byte)] = vocabulary.find(fmt::format("<0x{:02X}>", byte));
  return ids;
}

ByteAlphabet::ByteAlphabet() {
  byte_of_.fill(-1);
  std::uint32_t next = 0x100;  // bytes that do not print take the code points from here on, in order
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    const std::uint32_t code = prints ? byte : next++;
    utf8_append(spelling_[byte], code);
    byte_of_[code] = static_cast<std::int16_t>(byte);
  }
}

const ByteAlphabet& ByteAlphabet::get() {
  static const ByteAlphabet alphabet;
  return alphabet;
}

std::optional<std::string> ByteAlphabet::bytes(std::string_view piece) const {
  std::string result;
  for (std::size_t i = 0; i < piece.size();) {
    const std::size_t length = utf8_length(piece, i);
    if (length == 0) return std::nullopt;
    const std::uint32_t code = utf8_decode(piece, i, length);
    if (code >= byte_of_.size() || byte_of_[code] < 0) return std::nullopt;
    result.push_back(static_cast<char>(byte_of_[code]));
    i += length;
  }
  return result;
}

std::string ByteAlphabet::spell(std::string_view bytes) const {
  std::string result;
  for (char c : bytes) result += spelling_[static_cast<unsigned char>(c)];
  return result;
}

std::string mark_spaces(std::string_view text) {
  std::string marked;
  marked.reserve(text.size() + text.size() / 2);
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(' '), text.size());
    marked += text.substr(0, size);
    if (size < text.size()) marked += kSpaceMark;
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return marked;
}

std::string unmark_spaces(std::string_view piece) {
  std::string result;
  for (std::size_t i = 0; i < piece.size();) {
    const bool mark = piece.substr(i, kSpaceMark.size()) == kSpaceMark;
    result.push_back(mark ? ' ' : piece[i]);
    i += mark ? kSpaceMark.size() : 1;
  }
  return result;
}

}  // namespace rw
