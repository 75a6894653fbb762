// SPDX-License-Identifier: Apache-2.0
/// Text as Python sees it (the reference packages are Python): code points, str.split, str.lower, re's \w.
/// Tables: Unicode 14 (Python 3.11), written by tools/make_golden_metrics.py --tables.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "metrics/metrics.h"

namespace rw {

/// Code points; each byte that is not UTF-8 becomes U+FFFD.
std::u32string code_points(std::string_view utf8);
/// str.isspace().
bool is_space(char32_t c);
/// re's \w without the underscore: str.isalnum().
bool is_alphanumeric(char32_t c);
/// One of string.punctuation.
bool is_ascii_punctuation(char32_t c);
inline bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }
/// A character that stands for a word in text without spaces: script Han, and kana.
bool is_han(char32_t c);
bool is_kana(char32_t c);
inline bool is_han_word(char32_t c) { return is_han(c) || is_kana(c); }
/// str.lower(), with the final sigma.
std::u32string lower(std::u32string_view text);
/// str.split().
std::vector<std::u32string> split_words(std::u32string_view text);
/// The text with a space on both sides of each Han or kana character.
std::u32string space_han_words(std::u32string_view text);

/// The words of BLEU. REQUIRES: not kAuto.
std::vector<std::u32string> bleu_words(std::string_view text, Tokenize tokenize);

}  // namespace rw
