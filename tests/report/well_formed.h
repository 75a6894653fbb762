// SPDX-License-Identifier: Apache-2.0
/// What every page of ours must be.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace rw {

/// Every tag is closed in order, and there is no tag or attribute that fetches or runs anything.
inline void expect_well_formed(const std::string& html) {
  std::vector<std::string> open;
  const std::vector<std::string> alone = {"meta", "!doctype"};
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    std::string tag = html.substr(at + 1, end - at - 1);
    const bool closes = tag[0] == '/', closed = tag.back() == '/';
    const std::string name = tag.substr(closes, tag.find_first_of(" /\n", closes) - closes);
    for (const char* never : {"script", "link", "img", "iframe", "object", "a", "image", "use"})
      ASSERT_NE(name, never);
    if (closed || name == "wbr" || std::find(alone.begin(), alone.end(), name) != alone.end()) continue;
    if (!closes) {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty()) << name;
    ASSERT_EQ(open.back(), name) << html.substr(at > 200 ? at - 200 : 0, 240);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

}  // namespace rw
