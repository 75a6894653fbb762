// SPDX-License-Identifier: Apache-2.0
/// Writes GGUF version 3 (formats/gguf.h has the layout).
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/write_tensors.h"

namespace rw {

/// A key of the metadata, its value as the file holds it: u32 type, then its bytes. Readers ask for the very
/// type (llama.cpp refuses a u64 where it wants a u32), so a value that is copied is never made anew.
struct GgufKey {
  std::string name, value;

  static GgufKey u32(std::string name, std::uint32_t value);
  static GgufKey f32(std::string name, float value);
  static GgufKey boolean(std::string name, bool value);
  static GgufKey string(std::string name, std::string_view value);
  static GgufKey strings(std::string name, std::span<const std::string> values);
  static GgufKey i32s(std::string name, std::span<const std::int32_t> values);
};

/// The keys of a GGUF file in its order; of a split model those of the first file, without split.*. Errors:
/// Error, as open_gguf.
std::vector<GgufKey> read_gguf_keys(const std::string& path);

/// A key of that name takes the new value; a new name stands behind the others.
void set_gguf_key(std::vector<GgufKey>& keys, GgufKey key);
/// Takes out the keys for which `unwanted(name)` holds.
template <class Unwanted>
void drop_gguf_keys(std::vector<GgufKey>& keys, const Unwanted& unwanted) {
  std::erase_if(keys, [&](const GgufKey& key) { return unwanted(key.name); });
}

/// A file, whole or not at all (core/output_file.h). Data stand in the tensors' order, each aligned to 32
/// bytes, or to the key general.alignment. Errors: Error where it cannot be written; LogicError where a
/// source gives more or fewer bytes than its type and shape take.
void write_gguf(const std::string& path, std::span<const GgufKey> keys,
                std::span<const TensorToWrite> tensors, const TensorSource& source);

}  // namespace rw
