// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpus of checkpoints' manifests as an ordinary test, whole, cut and damaged.
#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_checkpoint_input
#include "../../fuzz/fuzz_checkpoint.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

TEST(FuzzCorpus, Checkpoint) { rw::corpus::run_damaged("checkpoint", fuzz_checkpoint_input, 3); }

}  // namespace
