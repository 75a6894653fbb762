// SPDX-License-Identifier: Apache-2.0
/// Any bytes as a checkpoint's manifest: a result or an Error, nothing else. The hash in it is made to fit,
/// so that what stands behind it is reached.
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/hash.h"
#include "train/checkpoint.h"

namespace {

void read_manifest(const std::string& text) {
  try {
    rw::parse_checkpoint_manifest(text, "fuzz");
  } catch (const rw::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_manifest(text);
  try {
    rw::JsonInput json = rw::parse_json(text, "fuzz", 1 << 20, 8);
    if (!json.is_object()) return 0;
    json.erase("sha256");
    json["sha256"] = rw::sha256(rw::dump_json(json));
    read_manifest(rw::dump_json(json));
  } catch (const rw::Error&) {
  }
  return 0;
}
