// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpora of the store and of the reports as an ordinary test, whole, cut and damaged.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#define LLVMFuzzerTestOneInput fuzz_store_input  // other targets stand in the same executable
#include "../../fuzz/fuzz_store.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_report_input
#include "../../fuzz/fuzz_report.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

void run_corpus(const char* name, int (*target)(const std::uint8_t*, std::size_t)) {
  int files = 0;
  const auto run = [&](const std::string& s) {
    EXPECT_EQ(target(reinterpret_cast<const std::uint8_t*>(s.data()), s.size()), 0);
  };
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROPEWALK_SOURCE_DIR) + "/fuzz/corpus/" + name)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    const std::string input = text.str();
    run(input);
    const std::size_t step = input.size() / 48 + 1;
    for (std::size_t n = 0; n < input.size(); n += step) run(input.substr(0, n));
    for (std::size_t at = 0; at < input.size(); at += step) {
      std::string damaged = input;
      damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(0x40 | at));
      run(damaged);
    }
    ++files;
  }
  EXPECT_GE(files, 3);
}

TEST(FuzzCorpus, Store) { run_corpus("store", fuzz_store_input); }
TEST(FuzzCorpus, Report) { run_corpus("report", fuzz_report_input); }

}  // namespace
