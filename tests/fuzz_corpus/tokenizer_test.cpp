// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpus of the tokenizer as an ordinary test, with every prefix and some damage.
#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_tokenizer_input  // other targets stand in the same executable
#include "../../fuzz/fuzz_tokenizer.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

TEST(FuzzCorpus, Tokenizer) { rw::corpus::run_damaged("tokenizer", fuzz_tokenizer_input, 6); }

}  // namespace
