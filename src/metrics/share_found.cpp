// SPDX-License-Identifier: Apache-2.0
#include "metrics/share_found.h"

#include <algorithm>

#include "metrics/text.h"

namespace rw {

double share_found(std::string_view written, const std::vector<std::string>& references) {
  const std::u32string text = lower(code_points(written));
  std::size_t found = 0;
  for (const std::string& reference : references)
    found += text.find(lower(code_points(reference))) != std::u32string::npos;
  return references.empty() ? 0 : static_cast<double>(found) / static_cast<double>(references.size());
}

std::string_view behind_thoughts(std::string_view written, bool thinking) {
  constexpr std::string_view kSpace = " \t\r\n", kBegin = "<think>", kEnd = "</think>";
  if (const std::size_t end = written.rfind(kEnd); end != std::string_view::npos) {
    written.remove_prefix(end + kEnd.size());
    written.remove_prefix(std::min(written.find_first_not_of(kSpace), written.size()));
    return written;
  }
  const std::size_t first = std::min(written.find_first_not_of(kSpace), written.size());
  return thinking || written.substr(first).starts_with(kBegin) ? std::string_view() : written;
}

}  // namespace rw
