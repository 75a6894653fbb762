// SPDX-License-Identifier: Apache-2.0
/// UTF-8 by hand: texts and vocabularies come from outside, so every byte is checked before it is believed.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace rw {

/// U+FFFD, which stands for bytes that are no character.
inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Length of the valid UTF-8 character at `i` (no surrogates, no overlong forms), or 0 if there is none.
inline std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
  };
  const auto tail = [&](std::size_t k) { return (byte(k) & 0xc0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (i >= text.size()) return 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!tail(1) || !tail(2) || (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) >= 0xa0))
      return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

/// Whether all of it is valid.
inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = utf8_length(text, i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

/// Code point of the valid character at `i` whose length utf8_length has given.
inline std::uint32_t utf8_decode(std::string_view text, std::size_t i, std::size_t length) {
  const auto byte = [&](std::size_t k) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i + k]));
  };
  if (length <= 1) return byte(0);
  std::uint32_t code = byte(0) & (0xffu >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) code = (code << 6) | (byte(k) & 0x3fu);
  return code;
}

inline void utf8_append(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xc0 | (code >> 6)), put(0x80 | (code & 0x3f));
  if (code < 0x10000)
    return put(0xe0 | (code >> 12)), put(0x80 | ((code >> 6) & 0x3f)), put(0x80 | (code & 0x3f));
  put(0xf0 | (code >> 18)), put(0x80 | ((code >> 12) & 0x3f));
  put(0x80 | ((code >> 6) & 0x3f)), put(0x80 | (code & 0x3f));
}

struct BrokenUtf8 {
  std::size_t n = 1;       ///< bytes that one U+FFFD stands for: as many as could begin a character
  bool may_go_on = false;  ///< the text ends there: more of it may make them one
};

/// What stands at `i`, where utf8_length is 0. Source: Unicode 15, section 3.9, "substitution of maximal
/// subparts", as Python and browsers do it. REQUIRES: i < text.size().
inline BrokenUtf8 broken_utf8(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
  const unsigned lead = byte(0);
  const std::size_t whole = lead >= 0xc2 && lead <= 0xdf   ? 2
                            : lead >= 0xe0 && lead <= 0xef ? 3
                            : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                           : 1;
  const unsigned least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  std::size_t n = 1;
  while (n < whole && i + n < text.size() && byte(n) >= (n == 1 ? least : 0x80u) &&
         byte(n) <= (n == 1 ? most : 0xbfu))
    ++n;
  return {n, n < whole && i + n == text.size()};
}

/// How many bytes at the end of `text` are the begin of a character that more text may complete; 0 to 3.
inline std::size_t utf8_unfinished(std::string_view text) {
  for (std::size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    const BrokenUtf8 end = broken_utf8(text, text.size() - n);
    if (end.n == n && end.may_go_on) return n;
  }
  return 0;
}

/// Calls valid(run) for each longest run of valid characters and invalid(byte) for each byte in between.
template <class Valid, class Invalid>
void for_utf8_runs(std::string_view text, Valid valid, Invalid invalid) {
  std::size_t start = 0, i = 0;
  while (i < text.size()) {
    const std::size_t length = utf8_length(text, i);
    if (length > 0) {
      i += length;
      continue;
    }
    if (i > start) valid(text.substr(start, i - start));
    invalid(static_cast<unsigned char>(text[i]));
    start = ++i;
  }
  if (i > start) valid(text.substr(start, i - start));
}

/// `text` with U+FFFD in place of every byte that is no part of a valid character.
inline std::string with_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for_utf8_runs(
      text, [&](std::string_view run) { valid += run; }, [&](unsigned char) { valid += kReplacement; });
  return valid;
}

}  // namespace rw
