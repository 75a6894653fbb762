// SPDX-License-Identifier: Apache-2.0
#include "formats/write_safetensors.h"

#include "core/checked.h"
#include "core/json.h"
#include "core/output_file.h"
#include "quant/stored_type.h"

namespace rw {
namespace {

std::size_t bytes_in(const TensorToWrite& tensor) {
  const Index bytes = safetensors_type(tensor.type).block_bytes;
  RW_CHECK(bytes > 0);
  Checked n(static_cast<std::uint64_t>(bytes), tensor.name);
  for (const Index extent : tensor.shape) n = n * static_cast<std::uint64_t>(extent);
  return n.size();
}

}  // namespace

bool safetensors_before(const TensorToWrite& a, const TensorToWrite& b) {
  const Index bytes_a = safetensors_type(a.type).block_bytes, bytes_b = safetensors_type(b.type).block_bytes;
  return bytes_a != bytes_b ? bytes_a > bytes_b : a.name < b.name;
}

void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const TensorSource& source) {
  std::string text = R"({"__metadata__":{"format":"pt"})";
  std::vector<std::size_t> sizes;
  std::size_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    sizes.push_back(bytes_in(tensor));
    const Json entry{
        {"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + sizes.back()}}};
    text += fmt::format(",{}:{}", dump_json(Json(tensor.name)), dump_json(entry));
    offset += sizes.back();
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  OutputFile file(path);
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(text);
  for (std::size_t i = 0; i < tensors.size(); ++i) write_tensor(file, source, i, sizes[i]);
  file.commit();
}

}  // namespace rw
