// SPDX-License-Identifier: Apache-2.0
/// Numbers and words as people write them.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace rw {

/// 8192 -> "8k"; what is no multiple of 1,024 stays as it is.
inline std::string k_tokens(Index n) {
  return n > 0 && n % 1024 == 0 ? fmt::format("{}k", n / 1024) : fmt::format("{}", n);
}

/// "1 text", "2 texts", "0 stretches": the plural of words that take -s, or -es behind s, x, ch and sh.
template <class Number>
std::string counted(Number n, std::string_view word) {
  const std::string_view end = word.substr(word.size() - std::min<std::size_t>(word.size(), 2));
  const bool hisses = end == "ch" || end == "sh" || end.ends_with('s') || end.ends_with('x');
  return fmt::format("{} {}{}", n, word, n == 1 ? "" : hisses ? "es" : "s");
}

/// 95 -> "95 s", 600 -> "10 minutes", 9000 -> "2.5 hours". Seconds; not finite or below 0: "no time".
inline std::string time_text(double seconds) {
  if (!(seconds >= 0 && seconds < 1e12)) return "no time";
  if (seconds < 10) return fmt::format("{:.2g} s", seconds);
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} minutes", seconds / 60);
  if (seconds < 36 * 3600) return fmt::format("{:.1f} hours", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

/// In lines of `width` columns at most, each with its newline; a longer word stands alone. Lines after the
/// first begin with `indent`.
inline std::string wrapped(std::string_view words, std::string_view indent = "", std::size_t width = 80) {
  std::string text, line;
  bool begun = false;  // the line has a word
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    const std::string_view word = words.substr(at, end - at);
    if (begun && line.size() + 1 + word.size() > width) text += line + "\n", line = indent, begun = false;
    if (begun) line += ' ';
    line += word, begun = true;
    at = end + 1;
  }
  return text + line + "\n";
}

/// As a shell reads it back: 'two words', it'\''s.
inline std::string shell_quoted(const std::string& word) {
  constexpr const char* kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!word.empty() && word.find_first_not_of(kSafe) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// A path as a word that no program takes for an option, and no shell for something else.
inline std::string path_word(const std::string& path) {
  return path.starts_with('-') || path.starts_with('=') ? "./" + path : path;
}

/// A command line of words as a shell reads them back.
inline std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  return line;
}

}  // namespace rw
