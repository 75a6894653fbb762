// SPDX-License-Identifier: Apache-2.0
#include "metrics/text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "core/utf8.h"

namespace rw {
namespace {

struct Range {
  char32_t low, high;
};
struct LowerRange {
  char32_t low, high, step;
  std::int32_t offset;
};
constexpr Range kAlphanumeric[] = {
#include "metrics/text_alphanumeric.inc"
};
constexpr LowerRange kLower[] = {
#include "metrics/text_lower.inc"
};
constexpr Range kCased[] = {
#include "metrics/text_cased.inc"
};
/// Characters that the rule of the final sigma looks through: accents, apostrophes.
constexpr Range kCaseIgnorable[] = {
#include "metrics/text_ignorable.inc"
};
constexpr Range kHan[] = {{0x2e80, 0x2e99}, {0x2e9b, 0x2ef3}, {0x2f00, 0x2fd5}, {0x3005, 0x3005},
                          {0x3007, 0x3007}, {0x3021, 0x3029}, {0x3038, 0x303b}, {0x3400, 0x4dbf},
                          {0x4e00, 0x9fff}, {0xf900, 0xfa6d}, {0xfa70, 0xfad9}, {0x20000, 0x323af}};
constexpr Range kKana[] = {{0x3041, 0x3096}, {0x309d, 0x309f}, {0x30a1, 0x30fa},  {0x30fc, 0x30ff},
                           {0x31f0, 0x31ff}, {0xff66, 0xff9d}, {0x1b000, 0x1b167}};

/// The range that holds `c`, or nullptr. REQUIRES: sorted, disjoint.
template <class R, std::size_t n>
const R* find(const R (&ranges)[n], char32_t c) {
  const R* it = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                 [](char32_t code, const R& range) { return code < range.low; });
  if (it == std::begin(ranges)) return nullptr;
  --it;
  return c <= it->high ? it : nullptr;
}

/// Whether the sigma at `i` ends a word: a cased letter before it, none after.
bool is_final_sigma(std::u32string_view text, std::size_t i) {
  std::size_t before = i, after = i + 1;
  while (before > 0 && find(kCaseIgnorable, text[before - 1]) != nullptr) --before;
  while (after < text.size() && find(kCaseIgnorable, text[after]) != nullptr) ++after;
  return before > 0 && find(kCased, text[before - 1]) != nullptr &&
         (after == text.size() || find(kCased, text[after]) == nullptr);
}

}  // namespace

std::u32string code_points(std::string_view utf8) {
  std::u32string result;
  result.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size();) {
    const std::size_t length = utf8_length(utf8, i);
    result.push_back(length == 0 ? U'\ufffd' : static_cast<char32_t>(utf8_decode(utf8, i, length)));
    i += std::max<std::size_t>(length, 1);
  }
  return result;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

bool is_alphanumeric(char32_t c) { return find(kAlphanumeric, c) != nullptr; }

bool is_ascii_punctuation(char32_t c) {
  return (c >= 0x21 && c <= 0x2f) || (c >= 0x3a && c <= 0x40) || (c >= 0x5b && c <= 0x60) ||
         (c >= 0x7b && c <= 0x7e);
}

bool is_han(char32_t c) { return find(kHan, c) != nullptr; }
bool is_kana(char32_t c) { return find(kKana, c) != nullptr; }

std::u32string lower(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == U'\u0130') {
      result += U"i\u0307";  // the only character whose lower case is two
    } else if (c == U'\u03a3') {
      result += is_final_sigma(text, i) ? U'\u03c2' : U'\u03c3';
    } else {
      const LowerRange* range = find(kLower, c);
      const bool upper = range != nullptr && (c - range->low) % range->step == 0;
      result += upper ? static_cast<char32_t>(static_cast<std::int32_t>(c) + range->offset) : c;
    }
  }
  return result;
}

std::vector<std::u32string> split_words(std::u32string_view text) {
  std::vector<std::u32string> words;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !is_space(text[i])) continue;
    if (i > start) words.emplace_back(text.substr(start, i - start));
    start = i + 1;
  }
  return words;
}

std::u32string space_han_words(std::u32string_view text) {
  std::u32string result;
  for (char32_t c : text) {
    if (is_han_word(c)) {
      result += {U' ', c, U' '};
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace rw
