// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/json.h"
#include "quant/stored_type.h"

namespace rw {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;

std::uint64_t whole(const JsonInput& value, const std::string& place) {
  if (!value.is_number_unsigned())
    throw Error(place, "whole numbers in shape and data_offsets", dump_json(value).substr(0, 40));
  return value.get<std::uint64_t>();
}

struct Placed {
  TensorInfo info;
  std::size_t begin = 0, end = 0;
};

Placed read_entry(const std::string& name, const JsonInput& entry, const std::string& file) {
  const std::string place = fmt::format("{}: tensor {}", file, name);
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    throw Error(place, "dtype, shape and data_offsets", "something else");
  const JsonInput &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || shape.size() > 8 || !offsets.is_array() ||
      offsets.size() != 2)
    throw Error(place, "a dtype, a shape of up to 8 and two offsets", "something else");
  Placed t;
  t.info.name = name;
  const StoredType stored = safetensors_type(dtype.get<std::string>());
  t.info.type = stored.name;
  t.info.format = Registry<WeightFormat>::find(stored.name);
  if (t.info.format && t.info.format->block_size != 1) t.info.format = nullptr;
  Checked size(static_cast<std::uint64_t>(stored.block_bytes), place);
  for (const JsonInput& extent : shape) {
    const Checked checked(whole(extent, place), place);
    if (checked.index() == 0) throw Error(place, "dimensions above 0", "0");
    size = Checked(size.size(), place) * checked;
    t.info.shape.push_back(checked.index());
  }
  t.begin = Checked(whole(offsets[0], place), place).size();
  t.end = Checked(whole(offsets[1], place), place).size();
  const bool known = stored.block_bytes > 0;
  if (t.end < t.begin || (known && t.end - t.begin != size.size()))
    throw Error(place, fmt::format("{} bytes, by shape and dtype", size.size()),
                fmt::format("offsets {} to {}", t.begin, t.end));
  return t;
}

void check_metadata(const JsonInput& header, const std::string& place) {
  const auto metadata = header.find("__metadata__");
  if (metadata == header.end()) return;
  bool strings = metadata->is_object();
  for (const auto& [key, value] : metadata->items()) strings = strings && value.is_string();
  if (!strings) throw Error(place, "__metadata__ as a map of strings", dump_json(*metadata).substr(0, 40));
}

}  // namespace

std::vector<TensorInfo> parse_safetensors(std::span<const std::byte> bytes, const std::string& place) {
  std::uint64_t length = 0;
  if (bytes.size() < 8) throw Error(place, "a safetensors file", fmt::format("{} bytes", bytes.size()));
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader || length > bytes.size() - 8)
    throw Error(
        place,
        fmt::format("a header of at most {} bytes", std::min<std::uint64_t>(kMaxHeader, bytes.size() - 8)),
        fmt::format("{}", length));
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8,
                                static_cast<std::size_t>(length));
  if (!header.starts_with('{')) throw Error(place, "a header that starts with {", "other bytes");
  const JsonInput json = parse_json(header, place, kMaxHeader, 4);
  // Only spaces may follow the object: a header padded otherwise is not one that other readers accept.
  if (const std::size_t last = header.find_last_not_of(' '); header[last] != '}')
    throw Error(place, "a header padded with spaces only", "other bytes after it");
  check_metadata(json, place);
  const auto data = bytes.subspan(8 + static_cast<std::size_t>(length));
  std::vector<Placed> placed;
  for (const auto& [name, entry] : json.items())
    if (name != "__metadata__") placed.push_back(read_entry(name, entry, place));
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
  std::size_t next = 0;
  std::vector<TensorInfo> tensors;
  for (Placed& t : placed) {
    if (t.begin != next || t.end > data.size())
      throw Error(fmt::format("{}: tensor {}", place, t.info.name),
                  fmt::format("data at {}, inside the file", next),
                  fmt::format("{} to {} of {}", t.begin, t.end, data.size()));
    t.info.bytes = data.subspan(t.begin, t.end - t.begin);
    next = t.end;
    tensors.push_back(std::move(t.info));
  }
  if (next != data.size())
    throw Error(place, fmt::format("{} bytes of data", next), fmt::format("{}", data.size()));
  return tensors;
}

}  // namespace rw
