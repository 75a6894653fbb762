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

TEST(FuzzCorpus, Store) { rw::corpus::run_damaged("store", fuzz_store_input, 3); }
TEST(FuzzCorpus, Report) { rw::corpus::run_damaged("report", fuzz_report_input, 3); }

}  // namespace
