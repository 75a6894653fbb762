// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpus of chat templates as an ordinary test, with prefixes and some damage.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#define LLVMFuzzerTestOneInput fuzz_chat_template_input  // other targets stand in the same executable
#include "../../fuzz/fuzz_chat_template.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

int run_template(const std::string& input) {
  return fuzz_chat_template_input(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

TEST(FuzzCorpus, ChatTemplate) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROPEWALK_SOURCE_DIR) + "/fuzz/corpus/chat_template")) {
    std::ifstream stream(entry.path(), std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    const std::string input = text.str();
    EXPECT_EQ(run_template(input), 0) << entry.path();
    const std::size_t step = input.size() / 64 + 1;
    for (std::size_t size = 0; size < input.size(); size += step)
      EXPECT_EQ(run_template(input.substr(0, size)), 0);
    for (std::size_t at = 0; at < input.size(); at += step) {
      std::string damaged = input;
      damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(0x80 | at));
      EXPECT_EQ(run_template(damaged), 0);
      damaged.erase(at, step / 2);
      EXPECT_EQ(run_template(damaged), 0);
    }
    ++files;
  }
  EXPECT_GE(files, 12);
}

}  // namespace
