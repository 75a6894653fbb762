// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpora of the readers as an ordinary test: whole, cut, and with every byte changed.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#define LLVMFuzzerTestOneInput fuzz_gguf_input
#include "../../fuzz/fuzz_gguf.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_safetensors_input
#include "../../fuzz/fuzz_safetensors.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_config_input
#include "../../fuzz/fuzz_config.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_model_input
#include "../../fuzz/fuzz_model.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

void run_corpus(const char* name, int (*target)(const std::uint8_t*, std::size_t)) {
  int files = 0;
  auto run = [&](const std::string& s) {
    EXPECT_EQ(target(reinterpret_cast<const std::uint8_t*>(s.data()), s.size()), 0);
  };
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROPEWALK_SOURCE_DIR) + "/fuzz/corpus/" + name)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    const std::string input = text.str();
    for (std::size_t n = 0; n <= input.size(); ++n) run(input.substr(0, n));
    for (std::size_t at = 0; at < input.size(); ++at)
      for (char flip : {'\x01', '\x7f', '\xff'}) {
        std::string damaged = input;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        run(damaged);
      }
    ++files;
  }
  EXPECT_GT(files, 0);
}

TEST(FuzzCorpus, Gguf) { run_corpus("gguf", fuzz_gguf_input); }
TEST(FuzzCorpus, Safetensors) { run_corpus("safetensors", fuzz_safetensors_input); }
TEST(FuzzCorpus, Model) { run_corpus("model", fuzz_model_input); }
TEST(FuzzCorpus, Config) { run_corpus("config", fuzz_config_input); }

}  // namespace
