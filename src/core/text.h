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

}  // namespace ropewalk
