// SPDX-License-Identifier: Apache-2.0
/// GGUF version 2 and 3, little-endian:
///   "GGUF" u32 version, u64 n_tensors, u64 n_kv
///   n_kv x     (string key, u32 type, value)          string: u64 length, bytes
///   n_tensors x (string name, u32 n_dims, u64 dims innermost first, u32 ggml type, u64 offset)
///   padding to general.alignment (32), tensor data; offsets count from there
#pragma once
#include <memory>
#include <span>

#include "formats/model_file.h"

namespace rw {

/// Types of metadata values.
enum GgufValue : std::uint32_t {
  kGgufU8,
  kGgufI8,
  kGgufU16,
  kGgufI16,
  kGgufU32,
  kGgufI32,
  kGgufF32,
  kGgufBool,
  kGgufString,
  kGgufArray,
  kGgufU64,
  kGgufI64,
  kGgufF64
};

/// Of a split model, all files, whichever is named (gguf_split.h). Errors: Error.
std::unique_ptr<ModelFile> open_gguf(const std::string& path);
/// The same for bytes in memory, which must outlive the result. `path` names them in messages.
/// Memory taken stays below 16 MiB + 4 x the bytes, whatever they hold.
std::unique_ptr<ModelFile> parse_gguf(std::span<const std::byte> bytes, const std::string& path);

}  // namespace rw
