// SPDX-License-Identifier: Apache-2.0
/// Builds GGUF bytes in memory, right or wrong.
#pragma once
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace rw {

struct GgufWriter {
  std::vector<std::byte> bytes;

  template <class T>
  GgufWriter& number(T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), p, p + sizeof(T));
    return *this;
  }
  GgufWriter& text(const std::string& s) {
    number<std::uint64_t>(s.size());
    for (char c : s) bytes.push_back(static_cast<std::byte>(c));
    return *this;
  }
  GgufWriter& header(std::uint64_t n_tensors, std::uint64_t n_keys, std::uint32_t version = 3) {
    return number<std::uint32_t>(0x46554747).number(version).number(n_tensors).number(n_keys);
  }
  GgufWriter& string_key(const std::string& key, const std::string& value) {
    return text(key).number<std::uint32_t>(8).text(value);
  }
  GgufWriter& u32_key(const std::string& key, std::uint32_t value) {
    return text(key).number<std::uint32_t>(4).number(value);
  }
  GgufWriter& tensor(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                     std::uint64_t offset) {
    text(name).number<std::uint32_t>(static_cast<std::uint32_t>(dims.size()));
    for (std::uint64_t d : dims) number(d);
    return number(type).number(offset);
  }
  GgufWriter& data(std::size_t n, std::size_t alignment = 32) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment + n);
    return *this;
  }
};

/// A small valid file: keys of several types and two tensors.
inline GgufWriter small_gguf() {
  GgufWriter w;
  w.header(2, 5).string_key("general.architecture", "llama").u32_key("llama.block_count", 2);
  w.text("a.float").number<std::uint32_t>(6).number(1.5f);
  w.text("a.bool").number<std::uint32_t>(7).number<std::uint8_t>(1);
  w.text("a.list").number<std::uint32_t>(9).number<std::uint32_t>(8).number<std::uint64_t>(2).text("x").text(
      "yz");
  w.tensor("one", {4, 2}, 0, 0).tensor("two", {32}, 8, 32);
  return w.data(32 + 34);
}

}  // namespace rw
