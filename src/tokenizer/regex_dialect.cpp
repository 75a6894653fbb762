// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex_dialect.h"

#include "core/error.h"

namespace rw {
namespace {

/// In a class.
constexpr std::string_view kWhiteSpace =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kScripts[] = {"Han",      "Hiragana", "Katakana",   "Hangul",   "Latin",   "Greek",
                                         "Cyrillic", "Arabic",   "Devanagari", "Bengali",  "Hebrew",  "Thai",
                                         "Bopomofo", "Tamil",    "Telugu",     "Armenian", "Georgian"};

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view place) : pattern_(pattern), place_(place) {}

  std::string translate() {
    std::string result;
    while (at_ < pattern_.size()) {
      if (pattern_[at_] == '[')
        result += read_class(0).spelled();
      else if (pattern_[at_] == '\\')
        result += read_escape(false);
      else
        result.push_back(pattern_[at_++]);
    }
    return result;
  }

 private:
  struct Class {
    bool negated = false;
    std::string items;
    std::string condition;  ///< a look-ahead, what && asks for
    std::string brackets() const { return (negated ? "[^" : "[") + items + "]"; }
    std::string spelled() const {
      return condition.empty() ? brackets() : "(?:" + condition + brackets() + ")";
    }
  };

  [[noreturn]] void refuse(std::string_view found) const {
    throw Error(place_, "a pattern whose classes PCRE2 can spell", fmt::format("{} in {}", found, pattern_));
  }
  bool stands(std::string_view text) const { return pattern_.substr(at_, text.size()) == text; }

  /// From a backslash on.
  std::string read_escape(bool in_class) {
    const std::string_view rest = pattern_.substr(at_);
    const char kind = rest.size() > 1 ? rest[1] : '\0';
    const std::size_t end = (kind == 'p' || kind == 'P' || kind == 'x') && rest.substr(2, 1) == "{"
                                ? rest.find('}')
                                : std::string_view::npos;
    const std::size_t size = end == std::string_view::npos ? std::min<std::size_t>(2, rest.size()) : end + 1;
    at_ += size;
    if (kind == 's') return in_class ? std::string(kWhiteSpace) : fmt::format("[{}]", kWhiteSpace);
    if (kind == 'S' && !in_class) return fmt::format("[^{}]", kWhiteSpace);
    if (kind == 'p' || kind == 'P')
      for (const std::string_view script : kScripts)
        if (size == script.size() + 4 && rest.substr(3, script.size()) == script)
          return fmt::format("\\{}{{sc:{}}}", kind, script);
    return std::string(rest.substr(0, size));
  }

  /// What && asks for: the class or the items that follow it.
  std::string read_condition(int depth) {
    at_ += 2;
    if (!stands("[") || stands("[:")) refuse("'&&' before what is no class");
    const Class other = read_class(depth + 1);
    if (!stands("]")) refuse("'&&' between more than two");
    return other.negated ? "(?![" + other.items + "])" : "(?=[" + other.items + "])";
  }

  /// From its bracket on.
  Class read_class(int depth) {
    if (depth > 8) refuse("a class nested too deep");
    Class result;
    ++at_;
    if (stands("^")) result.negated = true, ++at_;
    if (stands("]")) result.items += "\\]", ++at_;
    while (!stands("]")) {
      if (at_ >= pattern_.size()) refuse("a class without an end");
      if (pattern_[at_] == '\\') {
        result.items += read_escape(true);
      } else if (stands("&&")) {
        if (result.negated || result.items.empty()) refuse("'&&' in a negated class");
        result.condition = read_condition(depth);
      } else if (stands("[:") && pattern_.find(":]", at_) != std::string_view::npos) {
        const std::size_t end = pattern_.find(":]", at_) + 2;
        result.items += pattern_.substr(at_, end - at_);
        at_ = end;
      } else if (stands("[")) {
        const Class inner = read_class(depth + 1);
        if (inner.negated || !inner.condition.empty()) refuse("a negated class in a class");
        result.items += inner.items;
      } else {
        result.items.push_back(pattern_[at_++]);
      }
    }
    ++at_;
    return result;
  }

  std::string_view pattern_, place_;
  std::size_t at_ = 0;
};

}  // namespace

std::string pcre2_spelling(std::string_view pattern, std::string_view place) {
  return Translator(pattern, place).translate();
}

}  // namespace rw
