// SPDX-License-Identifier: Apache-2.0
/// Numbers as people write them.
#pragma once
#include <fmt/format.h>

#include "core/types.h"

namespace ropewalk {

/// 8192 -> "8k"; what is no multiple of 1,024 stays as it is.
inline std::string k_tokens(Index n) {
  return n > 0 && n % 1024 == 0 ? fmt::format("{}k", n / 1024) : fmt::format("{}", n);
}

/// 40 -> "40 s", 700 -> "12 minutes", 9000 -> "2.5 hours", 200000 -> "2.3 days".
inline std::string about_time(double seconds) {
  if (seconds < 10) return fmt::format("{:.2g} s", seconds);
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 100 * 60) return fmt::format("{:.0f} minutes", seconds / 60);
  if (seconds < 36 * 3600) return fmt::format("{:.1f} hours", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

}  // namespace ropewalk
