// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpus of chat templates as an ordinary test, with prefixes and some damage.
#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_chat_template_input  // other targets stand in the same executable
#include "../../fuzz/fuzz_chat_template.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

TEST(FuzzCorpus, ChatTemplate) { rw::corpus::run_damaged("chat_template", fuzz_chat_template_input, 12); }

}  // namespace
