// SPDX-License-Identifier: Apache-2.0
/// Any bytes to the safetensors reader: a result or an Error, nothing else.
#include <cstddef>
#include <cstdint>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    rw::parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  } catch (const rw::Error&) {
  }
  return 0;
}
