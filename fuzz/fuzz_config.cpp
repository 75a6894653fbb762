// SPDX-License-Identifier: Apache-2.0
/// Any bytes to the config reader: a result or an Error, nothing else.
#include <cstddef>
#include <cstdint>

#include "formats/hf_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    rw::translate_config(rw::parse_json({reinterpret_cast<const char*>(data), size}, "fuzz"), "fuzz");
  } catch (const rw::Error&) {
  }
  return 0;
}
