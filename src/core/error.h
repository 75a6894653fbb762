// SPDX-License-Identifier: Apache-2.0
/// The one error system: exceptions at the edges, checks in the middle, nothing thrown in kernels.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace rw {

/// Text from outside as part of one line: control characters, NUL and escapes included, become '?'.
inline std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return safe;
}

/// Anything that the outside can cause: files, flags, requests, unsupported models.
/// what() reads "place: expected ...; found ...; hint: ..." (one line). Exit code 1.
class Error : public std::runtime_error {
 public:
  Error(std::string_view place, std::string_view expected, std::string_view found,
        std::string_view hint = "the file is damaged, incomplete or of another kind")
      : std::runtime_error(
            printable(fmt::format("{}: expected {}; found {}; hint: {}", place, expected, found, hint))) {}
  /// For adding context at a module's border: "context: " before the message of `inner`.
  Error(std::string_view context, const Error& inner)
      : std::runtime_error(printable(fmt::format("{}: {}", context, inner.what()))) {}
  /// The same with another hint.
  Error(const Error& inner, std::string_view hint)
      : std::runtime_error(printable(fmt::format("{}; hint: {}", inner.finding(), hint))) {}
  /// what() without its hint.
  std::string finding() const {
    const std::string_view all = what();
    return std::string(all.substr(0, all.find("; hint: ")));
  }
};

/// A wrong flag, method spelling or parameter. Exit code 2.
class UsageError : public Error {
 public:
  UsageError(std::string_view place, std::string_view expected, std::string_view found,
             std::string_view hint =
                 "ropewalk COMMAND --help says what it takes, ropewalk methods what a method does")
      : Error(place, expected, found, hint) {}
};

/// A broken contract inside ropewalk. Exit code 3; thrown, never abort: a server must live.
class LogicError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

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
