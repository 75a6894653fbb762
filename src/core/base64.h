// SPDX-License-Identifier: Apache-2.0
/// Base64 as RFC 4648 has it, with its padding.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rw {

/// The bytes that `text` spells; nullopt where it is no base64.
inline std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t n_padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = i + n_padding >= text.size() ? 'A' : text[i];
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<char>((bits >> shift) & 0xffu));
    bits = 0;
  }
  bytes.resize(bytes.size() - n_padding);
  return bytes;
}

}  // namespace rw
