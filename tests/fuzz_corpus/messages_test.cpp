// SPDX-License-Identifier: Apache-2.0
/// The fuzzing corpus of messages between ranks as an ordinary test, whole, cut and damaged.
#include "corpus.h"

#define LLVMFuzzerTestOneInput fuzz_messages_input  // other targets stand in the same executable
#include "../../fuzz/fuzz_messages.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

TEST(FuzzCorpus, Messages) { rw::corpus::run_damaged("messages", fuzz_messages_input, 3); }

TEST(FuzzCorpus, MessagesAreWholeOnes) {  // else only their refusal would be tried
  using namespace rw;
  corpus::each_file("messages", [](const std::string& input) {
    const ItemMessage message = read_message(1, std::as_bytes(std::span(input)));
    if (message.kind == kRecords) {
      EXPECT_EQ(records_from(message, 7).at(0).values.at(0).first, "top1");
    }
    if (message.kind == kDocument) {
      EXPECT_EQ(document_from(message, 64).tokens.size(), 4u);
    }
    if (message.kind == kOrder) {
      EXPECT_EQ(order_from(message).item.length, 512);
    }
  });
}

}  // namespace
