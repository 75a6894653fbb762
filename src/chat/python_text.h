// SPDX-License-Identifier: Apache-2.0
/// Python's str on UTF-8: characters are code points; a byte that is no UTF-8 counts as one character.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/utf8.h"

namespace ropewalk::chat {

/// str.isspace of one code point: wider than ASCII.
bool is_space(std::uint32_t code);
/// Bytes of the white space that `text` begins or ends with.
std::size_t leading_space(std::string_view text);
std::size_t trailing_space(std::string_view text);

/// len(text).
std::int64_t text_length(std::string_view text);
/// The characters one by one.
std::vector<std::string_view> characters(std::string_view text);

/// strip, lstrip, rstrip of white space, or of the characters of `of` where it is not null.
std::string_view strip(std::string_view text, const std::string* of, bool left, bool right);

/// text.split(): by runs of white space, at most `most` cuts (negative: all).
std::vector<std::string_view> split_words(std::string_view text, std::int64_t most, bool from_right);
/// text.split(separator). REQUIRES: the separator is not empty.
std::vector<std::string_view> split_by(std::string_view text, std::string_view separator, std::int64_t most,
                                       bool from_right);
/// text.splitlines(keep_ends).
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// Errors: Failure where the text has letters beyond ASCII: their cases are not implemented.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);         ///< str.title
std::string title_filter(std::string_view text);  ///< Jinja's filter of that name, which differs

/// text.replace(old, with, most), at most `max_bytes` long. Errors: Failure beyond.
std::string replace(std::string_view text, std::string_view old, std::string_view with, std::int64_t most,
                    std::size_t max_bytes);

/// repr(text).
void append_repr(std::string& out, std::string_view text);

}  // namespace ropewalk::chat
