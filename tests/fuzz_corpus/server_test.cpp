// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpora of the server's readers as ordinary tests, whole, cut and damaged.
#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_request_input
#include "../../fuzz/fuzz_request.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_input
#include "../../fuzz/fuzz_http.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

TEST(FuzzCorpus, Request) { rw::corpus::run_damaged("request", fuzz_request_input, 7); }
TEST(FuzzCorpus, Http) { rw::corpus::run_damaged("http", fuzz_http_input, 3); }

}  // namespace
