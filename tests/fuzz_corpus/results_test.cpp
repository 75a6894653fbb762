// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpora of the store and of the reports as an ordinary test, whole, cut and damaged.
#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_store_input  // other targets stand in the same executable
#include "../../fuzz/fuzz_store.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_report_input
#include "../../fuzz/fuzz_report.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

void run_corpus(const char* name, ropewalk::corpus::Target target) {
  using ropewalk::corpus::run;
  const int files = ropewalk::corpus::each_file(name, [&](const std::string& input) {
    run(target, input);
    const std::size_t step = input.size() / 48 + 1;
    for (std::size_t n = 0; n < input.size(); n += step) run(target, input.substr(0, n));
    for (std::size_t at = 0; at < input.size(); at += step) {
      std::string damaged = input;
      damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(0x40 | at));
      run(target, damaged);
    }
  });
  EXPECT_GE(files, 3);
}

TEST(FuzzCorpus, Store) { run_corpus("store", fuzz_store_input); }
TEST(FuzzCorpus, Report) { run_corpus("report", fuzz_report_input); }

}  // namespace
