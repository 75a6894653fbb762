// SPDX-License-Identifier: Apache-2.0
/// Numbers and words as people write them.
#pragma once
#include <fmt/format.h>

#include <string>

#include "core/types.h"

namespace ropewalk {

/// 8192 -> "8k"; what is no multiple of 1,024 stays as it is.
inline std::string k_tokens(Index n) {
  return n > 0 && n % 1024 == 0 ? fmt::format("{}k", n / 1024) : fmt::format("{}", n);
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

/// As a shell reads it back: 'two words', it'\''s.
inline std::string shell_quoted(const std::string& word) {
  constexpr const char* kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!word.empty() && word.find_first_not_of(kSafe) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace ropewalk
