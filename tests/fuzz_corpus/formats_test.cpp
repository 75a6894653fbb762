// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpora of the readers as an ordinary test: whole, cut, and with every byte changed.
#include "corpus.h"

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

void run_corpus(const char* name, ropewalk::corpus::Target target) {
  using ropewalk::corpus::run;
  const int files = ropewalk::corpus::each_file(name, [&](const std::string& input) {
    for (std::size_t n = 0; n <= input.size(); ++n) run(target, input.substr(0, n));
    for (std::size_t at = 0; at < input.size(); ++at)
      for (char flip : {'\x01', '\x7f', '\xff'}) {
        std::string damaged = input;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        run(target, damaged);
      }
  });
  EXPECT_GT(files, 0);
}

TEST(FuzzCorpus, Gguf) { run_corpus("gguf", fuzz_gguf_input); }
TEST(FuzzCorpus, Safetensors) { run_corpus("safetensors", fuzz_safetensors_input); }
TEST(FuzzCorpus, Model) { run_corpus("model", fuzz_model_input); }
TEST(FuzzCorpus, Config) { run_corpus("config", fuzz_config_input); }

}  // namespace
