// SPDX-License-Identifier: Apache-2.0
/// Any bytes to the gguf reader: a result or an Error, nothing else.
#include <cstddef>
#include <cstdint>

#include "formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    rw::parse_gguf({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  } catch (const rw::Error&) {
  }
  return 0;
}
