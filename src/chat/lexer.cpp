// SPDX-License-Identifier: Apache-2.0
#include "chat/lexer.h"

#include <algorithm>
#include <charconv>

#include "chat/failure.h"
#include "chat/python_text.h"

namespace rw::chat {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c); }

/// Every newline is \n, and the last one is dropped.
std::string normal_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Cutter {
 public:
  explicit Cutter(std::string_view source) : source_(normal_newlines(source)), rest_(source_) {}

  std::vector<Lexeme> cut() {
    while (!rest_.empty()) {
      const std::size_t begin = find_tag();
      if (begin == rest_.npos) {
        add(Lexeme::Kind::kText, std::string(rest_)), take(rest_.size());
        break;
      }
      tag(begin);
    }
    add(Lexeme::Kind::kEnd, "");
    return std::move(lexemes_);
  }

 private:
  [[noreturn]] void wrong(std::string expected, std::string found) const {
    fail_at(line_, Failure{std::move(expected), std::move(found)});
  }
  void add(Lexeme::Kind kind, std::string text) {
    if (kind == Lexeme::Kind::kText && text.empty()) return;
    Lexeme lexeme;
    lexeme.kind = kind, lexeme.text = std::move(text), lexeme.line = line_;
    lexemes_.push_back(std::move(lexeme));
  }
  /// Goes on behind n bytes.
  void take(std::size_t n) {
    line_ +=
        static_cast<int>(std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(n), '\n'));
    if (n > 0) line_starts_ = rest_[n - 1] == '\n';
    rest_.remove_prefix(n);
  }
  std::size_t find_tag() const {
    for (std::size_t at = 0; (at = rest_.find('{', at)) != rest_.npos; ++at)
      if (at + 1 < rest_.size() && std::string_view("{%#").find(rest_[at + 1]) != std::string_view::npos)
        return at;
    return rest_.npos;
  }
  /// Text in front of a tag, with what the tag's sign, or lstrip_blocks, takes away.
  std::string_view before_tag(std::string_view text, char sign, bool block) const {
    if (sign == '-') return text.substr(0, text.size() - trailing_space(text));
    if (sign == '+' || !block) return text;
    const std::size_t newline = text.rfind('\n'), start = newline == text.npos ? 0 : newline + 1;
    if (start == 0 && !line_starts_) return text;
    return trailing_space(text.substr(start)) == text.size() - start ? text.substr(0, start) : text;
  }
  /// The sign behind an opening mark at `at`, or nothing.
  char sign_at(std::size_t at) const {
    const char c = at < rest_.size() ? rest_[at] : ' ';
    return c == '-' || c == '+' ? c : ' ';
  }
  void tag(std::size_t begin) {
    const char type = rest_[begin + 1], sign = sign_at(begin + 2);
    const std::string text(before_tag(rest_.substr(0, begin), sign, type != '{'));
    add(Lexeme::Kind::kText, text);
    take(begin + 2 + (sign == ' ' ? 0 : 1));
    if (type == '#') return comment();
    if (type == '%' && raw()) return;
    const bool print = type == '{';
    add(print ? Lexeme::Kind::kPrintBegin : Lexeme::Kind::kBlockBegin, print ? "{{" : "{%");
    inside(print);
  }
  void comment() {
    const std::size_t end = rest_.find("#}");
    if (end == rest_.npos) wrong("'#}' at the end of a comment", "the end of the template");
    const char sign = end > 0 ? rest_[end - 1] : ' ';
    take(end + 2);
    after_block(sign);
  }
  /// What the end of a block or comment takes away behind itself.
  void after_block(char sign) {
    if (sign == '-')
      take(leading_space(rest_));
    else if (sign != '+' && rest_.starts_with('\n'))
      take(1);
  }
  std::size_t skip_space(std::size_t at) const {
    return at + leading_space(rest_.substr(std::min(at, rest_.size())));
  }

  /// {% raw %} ... {% endraw %}: false where this block is none.
  bool raw() {
    std::size_t at = skip_space(0);
    if (!rest_.substr(at).starts_with("raw")) return false;
    at = skip_space(at + 3);
    const bool strips = rest_.substr(at).starts_with("-%}");
    if (!strips && !rest_.substr(at).starts_with("%}")) return false;
    take(at + (strips ? 3 : 2));
    if (strips) take(leading_space(rest_));
    for (std::size_t begin = 0; (begin = rest_.find("{%", begin)) != rest_.npos; ++begin) {
      const char sign = sign_at(begin + 2);
      std::size_t end = skip_space(begin + (sign == ' ' ? 2 : 3));
      if (!rest_.substr(end).starts_with("endraw")) continue;
      end = skip_space(end + 6);
      const char close = sign_at(end);
      if (close != ' ') ++end;
      if (!rest_.substr(std::min(end, rest_.size())).starts_with("%}")) continue;
      add(Lexeme::Kind::kText, std::string(before_tag(rest_.substr(0, begin), sign, true)));
      take(end + 2);
      after_block(close);
      return true;
    }
    wrong("'{% endraw %}'", "the end of the template");
  }

  /// Tokens up to the end of the tag.
  void inside(bool print) {
    const int opened = line_;
    std::string open;  // brackets that were not closed yet
    while (true) {
      take(leading_space(rest_));
      if (rest_.empty()) {
        line_ = opened;
        wrong(print ? "'}}' at the end of a tag" : "'%}' at the end of a tag", "the end of the template");
      }
      if (open.empty() && tag_ends(print)) return;
      token(open);
    }
  }
  bool tag_ends(bool print) {
    const std::string_view mark = print ? "}}" : "%}";
    const char sign = sign_at(0);
    const bool signs = sign == '-' || (sign == '+' && !print);
    if (!rest_.substr(signs ? 1 : 0).starts_with(mark)) return false;
    add(print ? Lexeme::Kind::kPrintEnd : Lexeme::Kind::kBlockEnd, std::string(mark));
    take(mark.size() + (signs ? 1 : 0));
    if (!print)
      after_block(signs ? sign : ' ');
    else if (signs)
      take(leading_space(rest_));
    return true;
  }
  void token(std::string& open) {
    const char c = rest_[0];
    if (is_digit(c)) return number();
    if (is_name(c)) {
      std::size_t n = 1;
      while (n < rest_.size() && is_name(rest_[n])) ++n;
      add(Lexeme::Kind::kName, std::string(rest_.substr(0, n)));
      return take(n);
    }
    if (c == '\'' || c == '"') return string(c);
    for (std::string_view two : {"//", "**", "==", "!=", ">=", "<="})
      if (rest_.starts_with(two)) return add(Lexeme::Kind::kOperator, std::string(two)), take(2);
    if (std::string_view("+-/*%~[](){}<>=.:|,;").find(c) == std::string_view::npos)
      wrong("a name, a number, a string or an operator", fmt::format("'{}'", rest_.substr(0, 1)));
    bracket(c, open);
    add(Lexeme::Kind::kOperator, std::string(1, c));
    take(1);
  }
  void bracket(char c, std::string& open) const {
    static constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (kOpen.find(c) != kOpen.npos) {
      if (open.size() == 256) wrong("at most 256 brackets in one another", "more");
      open += kClose[kOpen.find(c)];
    } else if (kClose.find(c) != kClose.npos) {
      if (open.empty() || open.back() != c)
        wrong(open.empty() ? "a bracket that was opened" : fmt::format("'{}'", open.back()),
              fmt::format("'{}'", c));
      open.pop_back();
    }
  }
  void number() {
    if (rest_[0] == '0' && rest_.size() > 1 &&
        std::string_view("xXbBoO").find(rest_[1]) != std::string_view::npos)
      wrong("decimal numbers", fmt::format("'{}'", rest_.substr(0, 2)));
    std::string digits;
    std::size_t n = 0;
    const auto run = [&] {
      for (; n < rest_.size() && (is_digit(rest_[n]) || rest_[n] == '_'); ++n)
        if (rest_[n] != '_') digits += rest_[n];
    };
    run();
    bool whole = true;
    if (n + 1 < rest_.size() && rest_[n] == '.' && is_digit(rest_[n + 1]))
      digits += '.', ++n, run(), whole = false;
    std::size_t e = n + 1;
    if (n < rest_.size() && (rest_[n] == 'e' || rest_[n] == 'E')) {
      if (e < rest_.size() && (rest_[e] == '+' || rest_[e] == '-')) ++e;
      if (e < rest_.size() && is_digit(rest_[e]))
        digits += rest_.substr(n, e - n), n = e, run(), whole = false;
    }
    Lexeme lexeme;
    lexeme.kind = whole ? Lexeme::Kind::kInteger : Lexeme::Kind::kFloat, lexeme.line = line_;
    const char* end = digits.data() + digits.size();
    const auto result = whole ? std::from_chars(digits.data(), end, lexeme.integer)
                              : std::from_chars(digits.data(), end, lexeme.number);
    if (result.ec != std::errc() || result.ptr != end)
      wrong("a number of 64 bits", fmt::format("'{}'", digits));
    lexemes_.push_back(std::move(lexeme));
    take(n);
  }
  void string(char quote) {
    std::string text;
    std::size_t i = 1;
    while (i < rest_.size() && rest_[i] != quote) {
      if (rest_[i] == '\\' && i + 1 < rest_.size())
        escape(i, text);
      else
        text += rest_[i++];
    }
    if (i >= rest_.size()) wrong(fmt::format("a string that ends with {}", quote), "the end of the template");
    add(Lexeme::Kind::kString, std::move(text));
    take(i + 1);
  }
  /// One escape of Python's strings at `i`, which goes behind it.
  void escape(std::size_t& i, std::string& text) const {
    static constexpr std::string_view kNames = "\\'\"abfnrtv", kMeant = "\\'\"\a\b\f\n\r\t\v";
    const char c = rest_[i + 1];
    if (const std::size_t at = kNames.find(c); at != kNames.npos)
      return void(text += kMeant[at]), void(i += 2);
    if (c == '\n') return void(i += 2);
    if (c == 'N') wrong("escapes with a number", "'\\N'");
    const bool octal = c >= '0' && c <= '7';
    const std::size_t most = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (most == 0) return void(text += '\\'), void(i += 1);
    const std::size_t begin = octal ? i + 1 : i + 2;
    const std::string_view digits = rest_.substr(begin, most);
    std::uint32_t code = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), code, octal ? 8 : 16);
    const auto n = static_cast<std::size_t>(result.ptr - digits.data());
    if (n == 0 || (!octal && n != most) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      wrong("an escape of a character", fmt::format("'\\{}{}'", c, octal ? "" : digits));
    utf8_append(text, code);
    i = begin + n;
  }

  std::string source_;
  std::string_view rest_;
  std::vector<Lexeme> lexemes_;
  int line_ = 1;
  bool line_starts_ = true;
};

}  // namespace

std::vector<Lexeme> cut_template(std::string_view source) { return Cutter(source).cut(); }

}  // namespace rw::chat
