// SPDX-License-Identifier: Apache-2.0
/// The files of fuzz/corpus, for the tests that run them as ordinary inputs.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

namespace ropewalk::corpus {

using Target = int (*)(const std::uint8_t*, std::size_t);

inline void run(Target target, const std::string& input) {
  EXPECT_EQ(target(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
}

/// Calls `use` with the bytes of each file of fuzz/corpus/NAME; returns how many there were.
inline int each_file(const std::string& name, const std::function<void(const std::string&)>& use) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROPEWALK_SOURCE_DIR) + "/fuzz/corpus/" + name)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    use(text.str());
    ++files;
  }
  return files;
}

}  // namespace ropewalk::corpus
