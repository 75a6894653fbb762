// SPDX-License-Identifier: Apache-2.0
/// sacreBLEU's tokenizers 13a, zh and char, as loops over code points instead of regular expressions.
#include "core/error.h"
#include "core/option.h"
#include "metrics/text.h"

namespace rw {
namespace {

constexpr std::u32string_view kEntities[][2] = {
    {U"&quot;", U"\""}, {U"&amp;", U"&"}, {U"&lt;", U"<"}, {U"&gt;", U">"}};

void replace_all(std::u32string& text, std::u32string_view from, std::u32string_view to) {
  std::size_t at = text.find(from);
  if (at == std::u32string::npos) return;
  std::u32string result;
  std::size_t start = 0;
  for (; at != std::u32string::npos; start = at + from.size(), at = text.find(from, start)) {
    result.append(text, start, at - start);
    result += to;
  }
  result.append(text, start);
  text = std::move(result);
}

/// Punctuation that is always a word of its own: all of ASCII's but ' , - .
bool stands_alone(char32_t c) {
  return c == U' ' || (is_ascii_punctuation(c) && c != U'\'' && c != U',' && c != U'-' && c != U'.');
}
bool is_stop(char32_t c) { return c == U'.' || c == U','; }

/// One left-to-right pass over pairs: where matches(a, b), the pair is consumed and `insert` writes it.
template <class Matches, class Insert>
std::u32string pass(const std::u32string& text, Matches matches, Insert insert) {
  std::u32string result;
  result.reserve(text.size() + text.size() / 4);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && matches(text[i], text[i + 1])) {
      insert(result, text[i], text[i + 1]);
      ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// What 13a and zh share: punctuation apart, full stops and commas too unless inside a number.
std::vector<std::u32string> separate(std::u32string_view text) {
  std::u32string result;
  for (char32_t c : text) {
    if (stands_alone(c)) {
      result += {U' ', c, U' '};
    } else {
      result += c;
    }
  }
  const auto after = [](std::u32string& out, char32_t a, char32_t b) { out += {a, U' ', b, U' '}; };
  const auto before = [](std::u32string& out, char32_t a, char32_t b) { out += {U' ', a, U' ', b}; };
  result = pass(
      result, [](char32_t a, char32_t b) { return !is_digit(a) && is_stop(b); }, after);
  result = pass(
      result, [](char32_t a, char32_t b) { return is_stop(a) && !is_digit(b); }, before);
  result = pass(
      result, [](char32_t a, char32_t b) { return is_digit(a) && b == U'-'; }, after);
  return split_words(result);
}

/// What sacreBLEU's zh takes for Chinese. Its table spells U+20000 and U+2F800 with \u, which Python reads as
/// U+2000 and U+2F80 with a digit behind; so dashes and curly quotes are in, and the rare planes are out.
bool is_zh(char32_t c) {
  constexpr char32_t ranges[][2] = {{0x3400, 0x4db5}, {0x4e00, 0x9fa5}, {0x9fa6, 0x9fbb}, {0xf900, 0xfa2d},
                                    {0xfa30, 0xfa6a}, {0xfa70, 0xfad9}, {0x2001, 0x2a6d}, {0x2f81, 0x2fa1},
                                    {0xff00, 0xffef}, {0x2e80, 0x2eff}, {0x3000, 0x303f}, {0x31c0, 0x31ef},
                                    {0x2f00, 0x2fdf}, {0x2ff0, 0x2fff}, {0x3100, 0x312f}, {0x31a0, 0x31bf},
                                    {0xfe10, 0xfe1f}, {0xfe30, 0xfe4f}, {0x2600, 0x26ff}, {0x2700, 0x27bf},
                                    {0x3200, 0x32ff}, {0x3300, 0x33ff}};
  for (const auto& range : ranges)
    if (c >= range[0] && c <= range[1]) return true;
  return false;
}

std::vector<std::u32string> words_13a(std::u32string text) {
  while (!text.empty() && is_space(text.back())) text.pop_back();
  replace_all(text, U"<skipped>", U"");
  replace_all(text, U"-\n", U"");
  replace_all(text, U"\n", U" ");
  for (const auto& entity : kEntities) replace_all(text, entity[0], entity[1]);
  return separate(U' ' + text + U' ');
}

std::vector<std::u32string> words_zh(std::u32string_view text) {
  // Stripped, since a full stop at either end is judged by its neighbour.
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  std::u32string spaced;
  for (char32_t c : text) {
    if (is_zh(c)) {
      spaced += {U' ', c, U' '};
    } else {
      spaced += c;
    }
  }
  return separate(spaced);
}

}  // namespace

std::vector<std::u32string> bleu_words(std::string_view text, Tokenize tokenize) {
  RW_CHECK(tokenize != Tokenize::kAuto);
  std::u32string codes = code_points(text);
  if (tokenize == Tokenize::k13a) return words_13a(std::move(codes));
  if (tokenize == Tokenize::kZh) return words_zh(codes);
  std::vector<std::u32string> characters;
  for (char32_t c : codes)
    if (!is_space(c)) characters.emplace_back(1, c);
  return characters;
}

Tokenize parse_tokenize(std::string_view name) {
  for (Tokenize t : {Tokenize::kAuto, Tokenize::k13a, Tokenize::kZh, Tokenize::kChar})
    if (name == tokenize_name(t)) return t;
  throw UsageError(option("tokenize"), "auto, 13a, zh or char", fmt::format("'{}'", name));
}

std::string_view tokenize_name(Tokenize tokenize) {
  switch (tokenize) {
    case Tokenize::kAuto:
      return "auto";
    case Tokenize::k13a:
      return "13a";
    case Tokenize::kZh:
      return "zh";
    case Tokenize::kChar:
      return "char";
  }
  return "";
}

Tokenize choose_tokenize(std::span<const std::string> references) {
  std::int64_t han = 0, kana = 0, others = 0;
  for (const std::string& text : references) {
    bool in_word = false;  // a run of other letters is one word, as a Han character is
    for (char32_t c : code_points(text)) {
      const bool is_word_han = is_han(c), is_word_kana = !is_word_han && is_kana(c);
      const bool other = !is_word_han && !is_word_kana && is_alphanumeric(c);
      han += is_word_han;
      kana += is_word_kana;
      others += other && !in_word;
      in_word = other;
    }
  }
  if (han + kana <= others) return Tokenize::k13a;
  return kana * 10 > han + kana ? Tokenize::kChar : Tokenize::kZh;
}

}  // namespace rw
