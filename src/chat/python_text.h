// SPDX-License-Identifier: Apache-2.0
/// Python's str on UTF-8: characters are code points; a byte that is no UTF-8 counts as one character.
/// All of it takes time linear in the lengths of its texts, and whoever has a meter pays for it there.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/meter.h"
#include "core/utf8.h"

namespace rw::chat {

/// str.isspace of one code point: wider than ASCII.
bool is_space(std::uint32_t code);
/// Bytes of the white space that `text` begins or ends with.
std::size_t leading_space(std::string_view text);
std::size_t trailing_space(std::string_view text);

/// len(text).
std::int64_t text_length(std::string_view text, Meter& meter);
/// The characters one by one.
std::vector<std::string_view> characters(std::string_view text, Meter& meter);
/// The byte at which character i begins, 0 <= i <= len(text).
std::size_t byte_of(std::string_view text, std::int64_t i, Meter& meter);

/// text.find(part) and rfind in bytes, or npos.
std::size_t find_first(std::string_view text, std::string_view part, Meter& meter);
std::size_t find_last(std::string_view text, std::string_view part, Meter& meter);
/// text.count(part). REQUIRES: the part is not empty.
std::int64_t count_of(std::string_view text, std::string_view part, Meter& meter);

/// strip, lstrip, rstrip of white space, or of the characters of `of` where it is not null.
std::string_view strip(std::string_view text, const std::string* of, bool left, bool right, Meter& meter);

/// text.split(): by runs of white space, at most `most` cuts (negative: all).
std::vector<std::string_view> split_words(std::string_view text, std::int64_t most, bool from_right,
                                          Meter& meter);
/// text.split(separator). REQUIRES: the separator is not empty.
std::vector<std::string_view> split_by(std::string_view text, std::string_view separator, std::int64_t most,
                                       bool from_right, Meter& meter);
/// text.splitlines(keep_ends).
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends, Meter& meter);

/// Errors: Failure where the text has letters beyond ASCII: their cases are not implemented.
std::string upper(std::string_view text, Meter& meter);
std::string lower(std::string_view text, Meter& meter);
std::string capitalize(std::string_view text, Meter& meter);
std::string title(std::string_view text, Meter& meter);  ///< str.title
std::string title_filter(std::string_view text,
                         Meter& meter);  ///< Jinja's filter of that name, which differs

/// text.replace(old, with, most). Errors: Failure where it is longer than the memory that is left.
std::string replace(std::string_view text, std::string_view old, std::string_view with, std::int64_t most,
                    Meter& meter);

/// repr(text), for messages and lists: what prints it pays.
void append_repr(std::string& out, std::string_view text);

}  // namespace rw::chat
