// SPDX-License-Identifier: Apache-2.0
/// RULER's score, apart from what asks the questions: the readers of files need no model.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

/// Share of the references that occur in `written`, upper and lower case of ASCII alike (RULER's
/// string_match_all). 0 where there is no reference.
inline double share_found(std::string_view written, const std::vector<std::string>& references) {
  const auto lower = [](std::string_view text) {
    std::string result(text);
    for (char& c : result)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
  };
  const std::string text = lower(written);
  std::size_t found = 0;
  for (const std::string& reference : references) found += text.find(lower(reference)) != std::string::npos;
  return references.empty() ? 0 : static_cast<double>(found) / static_cast<double>(references.size());
}

}  // namespace ropewalk
