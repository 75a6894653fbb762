// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bert_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "core/utf8.h"
#include "tokenizer/nfc.h"
#include "tokenizer/special.h"

namespace rw {
namespace {

struct Range {
  std::uint32_t low, high;
};
/// Characters first, first + step ... last whose lower case is `difference` further.
struct LowerRun {
  std::uint32_t first, last, step;
  std::int32_t difference;
};
#include "tokenizer/bert_tables.inc"

/// The blocks that BERT's authors list.
constexpr Range kChinese[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},  {0x20000, 0x2a6df},
                              {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};

template <std::size_t kSize>
bool within(const Range (&ranges)[kSize], std::uint32_t code) {
  const auto* it = std::upper_bound(std::begin(ranges), std::end(ranges), code,
                                    [](std::uint32_t c, const Range& range) { return c < range.low; });
  return it != std::begin(ranges) && code <= std::prev(it)->high;
}

void append_lower(std::string& out, std::uint32_t code) {
  if (code == 0x130) return utf8_append(out, 'i'), utf8_append(out, 0x307);
  const auto* it = std::upper_bound(std::begin(kLower), std::end(kLower), code,
                                    [](std::uint32_t c, const LowerRun& run) { return c < run.first; });
  if (it != std::begin(kLower)) {
    const LowerRun& run = *std::prev(it);
    if (code <= run.last && (code - run.first) % run.step == 0)
      code = static_cast<std::uint32_t>(static_cast<std::int64_t>(code) + run.difference);
  }
  utf8_append(out, code);
}

/// Calls take(code, bytes) for every character of valid UTF-8.
template <class Take>
void for_characters(std::string_view text, Take take) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_length(text, i);
    take(utf8_decode(text, i, size), text.substr(i, size));
    i += size;
  }
}

std::string clean_text(std::string_view text, const BertText& options) {
  std::string result;
  result.reserve(text.size() + text.size() / 4);
  for_characters(text, [&](std::uint32_t code, std::string_view bytes) {
    if (code >= 0x20 && code < 0x7f) return result.push_back(static_cast<char>(code));
    if (options.clean && within(kDropped, code)) return;
    if (options.clean && within(kSpaces, code)) return result.push_back(' ');
    const bool apart = options.chinese_apart && code >= kChinese[0].low && within(kChinese, code);
    if (apart) result.push_back(' ');
    result += bytes;
    if (apart) result.push_back(' ');
  });
  return result;
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

std::string without_accents(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::uint32_t code : decompose_nfd(text))
    if (!within(kAccents, code)) utf8_append(result, code);
  return result;
}

std::string lower_text(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for_characters(text, [&](std::uint32_t code, std::string_view) {
    if (code < 0x80)
      result.push_back(static_cast<char>(code >= 'A' && code <= 'Z' ? code + 32 : code));
    else
      append_lower(result, code);
  });
  return result;
}

}  // namespace

std::string normalize_bert(std::string_view text, const BertText& options) {
  std::string result = clean_text(text, options);
  if (options.strip_accents && !is_ascii(result)) result = without_accents(result);
  return options.lowercase ? lower_text(result) : result;
}

std::vector<std::string_view> split_bert_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t start = 0, at = 0;
  const auto end_word = [&](std::size_t end) {
    if (end > start) words.push_back(text.substr(start, end - start));
  };
  for_characters(text, [&](std::uint32_t code, std::string_view bytes) {
    const std::size_t next = at + bytes.size();
    const bool space = is_white_space(code);
    if (space || within(kPunctuation, code)) {
      end_word(at);
      if (!space) words.push_back(bytes);
      start = next;
    }
    at = next;
  });
  end_word(text.size());
  return words;
}

}  // namespace rw
