// SPDX-License-Identifier: Apache-2.0
#include "formats/write_gguf.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/output_file.h"
#include "formats/gguf.h"
#include "quant/stored_type.h"

namespace rw {
namespace {

template <class T>
void put(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& to, std::string_view text) {
  put<std::uint64_t>(to, text.size());
  to += text;
}

template <class T>
GgufKey one(std::string name, std::uint32_t type, T value) {
  GgufKey key{std::move(name), {}};
  put(key.value, type);
  put(key.value, value);
  return key;
}

/// The beginning of an array.
GgufKey list_of(std::string name, std::uint32_t type, std::size_t n) {
  GgufKey key = one(std::move(name), kGgufArray, type);
  put<std::uint64_t>(key.value, n);
  return key;
}

std::size_t bytes_of(const TensorToWrite& tensor, std::uint32_t type) {
  const StoredType stored = gguf_type(type);
  RW_CHECK(stored.block_bytes > 0 && !tensor.shape.empty() && tensor.shape.size() <= 4);
  Checked n(1, tensor.name);
  for (const Index extent : tensor.shape) n = n * static_cast<std::uint64_t>(extent);
  return (n.divided_by(static_cast<std::uint64_t>(stored.block_size)) *
          static_cast<std::uint64_t>(stored.block_bytes))
      .size();
}

std::uint64_t alignment_of(std::span<const GgufKey> keys) {
  std::uint32_t alignment = 32;
  for (const GgufKey& key : keys)
    if (key.name == "general.alignment" && key.value.size() == 8)
      std::memcpy(&alignment, key.value.data() + 4, 4);
  return alignment;
}

std::uint64_t aligned(std::uint64_t n, std::uint64_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}

}  // namespace

GgufKey GgufKey::u32(std::string name, std::uint32_t value) { return one(std::move(name), kGgufU32, value); }
GgufKey GgufKey::f32(std::string name, float value) { return one(std::move(name), kGgufF32, value); }
GgufKey GgufKey::boolean(std::string name, bool value) {
  return one(std::move(name), kGgufBool, static_cast<std::uint8_t>(value));
}
GgufKey GgufKey::string(std::string name, std::string_view value) {
  GgufKey key{std::move(name), {}};
  put<std::uint32_t>(key.value, kGgufString);
  put_text(key.value, value);
  return key;
}
GgufKey GgufKey::strings(std::string name, std::span<const std::string> values) {
  GgufKey key = list_of(std::move(name), kGgufString, values.size());
  for (const std::string& value : values) put_text(key.value, value);
  return key;
}
GgufKey GgufKey::i32s(std::string name, std::span<const std::int32_t> values) {
  GgufKey key = list_of(std::move(name), kGgufI32, values.size());
  for (const std::int32_t value : values) put(key.value, value);
  return key;
}

void set_gguf_key(std::vector<GgufKey>& keys, GgufKey key) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const GgufKey& own) { return own.name == key.name; });
  if (found == keys.end())
    keys.push_back(std::move(key));
  else
    *found = std::move(key);
}

void write_gguf(const std::string& path, std::span<const GgufKey> keys,
                std::span<const TensorToWrite> tensors, const TensorSource& source) {
  const std::uint64_t alignment = alignment_of(keys);
  std::string header = "GGUF";
  put<std::uint32_t>(header, 3);
  put<std::uint64_t>(header, tensors.size());
  put<std::uint64_t>(header, keys.size());
  for (const GgufKey& key : keys) {
    put_text(header, key.name);
    header += key.value;
  }
  std::vector<std::size_t> sizes;
  std::uint64_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    const auto type = gguf_type_id(tensor.type);
    RW_CHECK(type.has_value());
    put_text(header, tensor.name);
    put<std::uint32_t>(header, static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent)
      put<std::uint64_t>(header, static_cast<std::uint64_t>(*extent));
    put(header, *type);
    put(header, offset);
    sizes.push_back(bytes_of(tensor, *type));
    offset = aligned(offset + sizes.back(), alignment);
  }
  header.resize(aligned(header.size(), alignment), '\0');
  OutputFile file(path);
  file.write(header);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    write_tensor(file, source, i, sizes[i]);
    file.write(std::string(aligned(sizes[i], alignment) - sizes[i], '\0'));
  }
  file.commit_to_disk();
}

}  // namespace rw
