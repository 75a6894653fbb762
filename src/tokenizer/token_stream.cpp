// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/token_stream.h"

#include <algorithm>

#include "core/utf8.h"

namespace rw {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
bool is_letter_or_high(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

/// White space or punctuation, ASCII's and that of scripts without spaces.
bool begins_gap(std::string_view text, std::size_t at) {
  if (continues_character(text[at])) return false;
  const std::uint32_t code = utf8_decode(text, at, std::max<std::size_t>(1, utf8_length(text, at)));
  if (code < 0x80) return !is_letter_or_high(text[at]);
  return (code >= 0x2000 && code <= 0x206f) || (code >= 0x3000 && code <= 0x303f) ||
         (code >= 0xff00 && code <= 0xff0f) || (code >= 0xff1a && code <= 0xff20);
}

/// A letter ends at `at`, and a gap begins: two dashes could be one token, however many stand there.
bool is_border(std::string_view text, std::size_t at) {
  std::size_t before = at - 1;
  while (before > 0 && continues_character(text[before])) --before;
  return is_letter_or_high(text[before]) && !begins_gap(text, before) && begins_gap(text, at);
}

}  // namespace

std::vector<Token> TokenStream::encode(std::string_view text, bool inside) const {
  const TextPart part{text, special_};
  return tokenizer_.encode_parts({&part, 1}, inside);
}

bool TokenStream::independent(std::size_t at) const {
  const std::string_view text = pending_;
  std::size_t begin = at - std::min(at, kContext), end = std::min(text.size(), at + kContext);
  while (begin < at && continues_character(text[begin])) ++begin;
  while (end > at && end < text.size() && continues_character(text[end])) --end;
  std::vector<Token> apart = encode(text.substr(begin, at - begin), true);
  const std::vector<Token> right = encode(text.substr(at, end - at), true);
  apart.insert(apart.end(), right.begin(), right.end());
  return apart == encode(text.substr(begin, end - begin), true);
}

/// The last place where what is pending may be cut; 0: none.
std::size_t TokenStream::last_cut() const {
  constexpr int kMostTries = 64;  // each costs the encoding of some kilobytes
  int tries = 0;
  for (std::size_t at = pending_.size() - kContext; at > pending_.size() / 4 && tries < kMostTries; --at)
    if (is_border(pending_, at) && (++tries, independent(at))) return at;
  return 0;
}

void TokenStream::give(std::size_t n) {
  sink_(encode(std::string_view(pending_).substr(0, n), inside_));
  inside_ = true;
  pending_.erase(0, n);
}

void TokenStream::add(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = std::min(text.size(), enough_ - pending_.size());
    pending_ += text.substr(0, n);
    text.remove_prefix(n);
    if (pending_.size() < enough_) return;
    const std::size_t cut = last_cut();
    if (cut > 0) give(cut);
    enough_ = cut > 0 ? stretch_ : 2 * enough_;
  }
}

void TokenStream::end() {
  if (!pending_.empty()) give(pending_.size());
}

}  // namespace rw
