// SPDX-License-Identifier: Apache-2.0
/// The one error system: exceptions at the edges, checks in the middle, nothing thrown in kernels. Error is
/// the library's own (ropewalk/error.h), so that none needs to be translated at its border. Exit codes: Error
/// 1, UsageError 2, LogicError 3: thrown, never abort: a server must live.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "ropewalk/error.h"

namespace rw {

using ropewalk::Error;
using ropewalk::LogicError;
using ropewalk::UsageError;

/// Text from outside as part of one line: control characters, NUL and escapes included, become '?'.
inline std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return safe;
}

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition) {
  throw LogicError(fmt::format("{}:{}: broken contract: {} (a bug in ropewalk)", file, line, condition));
}

}  // namespace rw

/// Always on; for contracts between our own modules, never for outside data.
#define RW_CHECK(condition) ((condition) ? void(0) : ::rw::check_failed(__FILE__, __LINE__, #condition))
#ifdef ROPEWALK_DCHECK
#define RW_DCHECK(condition) RW_CHECK(condition)
#else
#define RW_DCHECK(condition) void(0)
#endif
