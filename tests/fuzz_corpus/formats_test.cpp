// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpora of the readers as an ordinary test: whole, cut, and with bytes changed.
#include <fmt/ranges.h>

#include <set>

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

/// `step`: from one damaged byte to the next.
void run_corpus(const char* name, rw::corpus::Target target, std::size_t step = 1) {
  using rw::corpus::run;
  const int files = rw::corpus::each_file(name, [&](const std::string& input) {
    for (std::size_t n = 0; n <= input.size(); n += step) run(target, input.substr(0, n));
    for (std::size_t at = 0; at < input.size(); at += step)
      for (char flip : {'\x01', '\x7f', '\xff'}) {
        std::string damaged = input;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        run(target, damaged);
      }
  });
  EXPECT_GT(files, 0);
}

/// A seed that the reader refuses shows it little: there is one of every family that is read to its end.
TEST(FuzzCorpus, HasAModelOfEveryFamilyThatIsAccepted) {
  using namespace rw;
  std::set<std::string> families;
  std::vector<std::string> refused;
  corpus::each_file("model", [&](const std::string& input) {
    try {
      const auto file = model_of_input(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
      const ModelConfig config = read_config(*file);
      check_tensors(*file, config);
      families.insert(config.architecture);
    } catch (const Error& error) {
      refused.push_back(error.what());  // some are parts of a model, seven a packed matrix alone
    }
  });
  for (const Architecture& family : Registry<Architecture>::all())
    EXPECT_TRUE(families.contains(family.name)) << family.name;
  EXPECT_LE(refused.size(), 11u) << fmt::format("{}", fmt::join(refused, "\n"));
}

TEST(FuzzCorpus, Gguf) { run_corpus("gguf", fuzz_gguf_input); }
TEST(FuzzCorpus, Safetensors) { run_corpus("safetensors", fuzz_safetensors_input); }
TEST(FuzzCorpus, Model) { run_corpus("model", fuzz_model_input, 7); }
TEST(FuzzCorpus, Config) { run_corpus("config", fuzz_config_input); }

}  // namespace
