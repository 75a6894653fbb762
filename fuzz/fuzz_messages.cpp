// SPDX-License-Identifier: Apache-2.0
/// Any bytes as a message of another rank: it is refused or read, and what was read is written as it came.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/checked.h"
#include "core/error.h"
#include "judge/item_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rw;
  constexpr Index kVocab = 64;
  try {
    const ItemMessage message = read_message(1, std::as_bytes(std::span(data, size)));
    MessageBytes again;
    if (message.kind == kOrder)
      again = order_message(order_from(message));
    else if (message.kind == kDocument)
      again = document_message(document_from(message, kVocab));
    else if (message.kind == kRecords)
      records_from(message, number_of(message, "id", Checked::kMax));
    else
      number_of(message, "permille", 1000);
    if (again.empty()) return 0;
    const ItemMessage same = read_message(1, again);
    if (same.kind != message.kind || (message.kind == kDocument && same.rest != message.rest)) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
