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

namespace rw::corpus {

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

/// Runs each of them, `least_files` or more: whole, cut at some 64 places, and there with a byte changed or
/// some bytes gone.
inline void run_damaged(const std::string& name, Target target, int least_files) {
  const int files = each_file(name, [&](const std::string& input) {
    run(target, input);
    const std::size_t step = input.size() / 64 + 1;
    for (std::size_t at = 0; at < input.size(); at += step) {
      run(target, input.substr(0, at));
      std::string damaged = input;
      damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(0x80 | at));
      run(target, damaged);
      damaged.erase(at, step / 2);
      run(target, damaged);
    }
  });
  EXPECT_GE(files, least_files);
}

}  // namespace rw::corpus
