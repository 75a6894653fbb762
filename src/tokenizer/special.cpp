// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/special.h"

#include <algorithm>

#include "core/utf8.h"

namespace rw {
namespace {

bool is_space_of(std::uint32_t code, bool marked) {
  return is_white_space(code) || (marked && code == 0x2581);
}

/// Where white space that ends at `end` begins, at `start` or behind it.
std::size_t spaces_before(std::string_view text, std::size_t start, std::size_t end, bool marked) {
  while (end > start) {
    std::size_t at = end - 1;
    while (at > start && (text[at] & 0xc0) == 0x80) --at;
    const std::size_t size = utf8_length(text, at);
    if (size != end - at || !is_space_of(utf8_decode(text, at, size), marked)) break;
    end = at;
  }
  return end;
}

/// Where white space that begins at `i` ends.
std::size_t spaces_behind(std::string_view text, std::size_t i, bool marked) {
  for (std::size_t size; (size = utf8_length(text, i)) > 0; i += size)
    if (!is_space_of(utf8_decode(text, i, size), marked)) break;
  return i;
}

}  // namespace

bool is_white_space(std::uint32_t code) {
  return code == ' ' || (code >= 0x9 && code <= 0xd) || code == 0x85 || code == 0xa0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
         code == 0x205f || code == 0x3000;
}

SpecialSplitter::SpecialSplitter(std::vector<SpecialToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const SpecialToken& a, const SpecialToken& b) { return a.text < b.text; });
  for (const SpecialToken& token : tokens_) {
    if (token.text.empty() || token.text.size() > 4096)
      throw Error("special token", "1 to 4096 bytes",
                  fmt::format("{} in token {}", token.text.size(), token.id));
    starts_[static_cast<unsigned char>(token.text[0])] = true;
  }
}

std::vector<SpecialToken> SpecialSplitter::tokens_of(const Vocabulary& vocabulary) {
  std::vector<SpecialToken> tokens;
  for (Token id = 0; id < vocabulary.size(); ++id) {
    const PieceKind kind = vocabulary.kind(id);
    if (kind != PieceKind::kControl && kind != PieceKind::kUserDefined) continue;
    if (vocabulary.piece(id).empty() || vocabulary.find(vocabulary.piece(id)) != id) continue;
    tokens.push_back({vocabulary.piece(id), id, kind == PieceKind::kControl, false, false});
  }
  return tokens;
}

const SpecialToken* SpecialSplitter::longest_at(std::string_view text, std::size_t i,
                                                std::size_t most) const {
  // [low, high) holds the tokens that begin with text[i, i + depth): one binary search a byte, no trie to
  // store.
  auto low = tokens_.begin(), high = tokens_.end();
  const SpecialToken* best = nullptr;
  for (std::size_t depth = 0; low != high; ++depth) {
    for (; low != high && low->text.size() == depth; ++low)
      if (!low->control || low->text.size() <= most) best = &*low;
    if (i + depth >= text.size()) break;
    const auto byte = static_cast<unsigned char>(text[i + depth]);
    const auto at = [depth](const SpecialToken& token) {
      return static_cast<unsigned char>(token.text[depth]);
    };
    low = std::partition_point(low, high, [&](const SpecialToken& token) { return at(token) < byte; });
    high = std::partition_point(low, high, [&](const SpecialToken& token) { return at(token) == byte; });
  }
  return best;
}

std::vector<TextSegment> SpecialSplitter::split(
    std::string_view text, const std::function<std::size_t(std::size_t)>& control_end) const {
  std::vector<TextSegment> segments;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const bool possible = starts_[static_cast<unsigned char>(text[i])];
    const std::size_t end_of_control = possible ? std::max(control_end(i), i) : i;
    const SpecialToken* token = possible ? longest_at(text, i, end_of_control - i) : nullptr;
    if (token == nullptr) {
      ++i;
      continue;
    }
    std::size_t end = i;
    if (token->strip_left) end = spaces_before(text, start, end, marked);
    if (end > start) segments.push_back({text.substr(start, end - start), -1});
    segments.push_back({text.substr(i, token->text.size()), token->id});
    i += token->text.size();
    if (token->strip_right) i = spaces_behind(text, i, marked);
    start = i;
  }
  if (start < text.size()) segments.push_back({text.substr(start), -1});
  return segments;
}

}  // namespace rw
