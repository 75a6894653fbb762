// SPDX-License-Identifier: Apache-2.0
/// What is said to people beside the results: standard error.
#pragma once
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace rw {

/// Where standard error takes nothing (a full disk, a closed pipe) the text is lost and the work goes on: it
/// is no result. fmt::print would throw there, out of destructors and handlers, too. Thread safety: as
/// std::fwrite.
template <class... T>
void tell(fmt::format_string<T...> format, T&&... values) {
  const std::string text = fmt::format(format, std::forward<T>(values)...);
  (void)(std::fwrite(text.data(), 1, text.size(), stderr) == text.size() && std::fflush(stderr) == 0);
}

}  // namespace rw
