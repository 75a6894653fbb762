// SPDX-License-Identifier: Apache-2.0
#include "model/identity.h"

#include <fmt/ranges.h>

#include <filesystem>

#include "core/hash.h"
#include "formats/mapped_file.h"
#include "formats/relaid.h"

namespace rw {
namespace {

constexpr std::size_t kWhole = 64u << 20, kBlock = 4096;

struct Spelled {
  std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
  std::string operator()(double v) const { return fmt::format("{}", v); }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(const std::string& v) const { return v; }
  std::string operator()(const NestedList& v) const { return fmt::format("{} lists", v.n); }
  std::string operator()(const std::vector<std::string>& v) const {
    std::string all;
    for (const std::string& s : v) all += fmt::format("{} {}\n", s.size(), s);
    return all;
  }
  template <class T>
  std::string operator()(const std::vector<T>& v) const {
    return fmt::format("{}", fmt::join(v, " "));
  }
};

/// With its size in front, so that two fields cannot be taken for two others.
void add_field(Sha256& hash, std::string_view text) {
  hash.add(fmt::format("{}:", text.size())), hash.add(text);
}

bool holds_weights(const std::string& name) {
  return name.ends_with(".gguf") || name.ends_with(".safetensors");
}

void add_weights(Sha256& hash, std::span<const std::byte> bytes, bool whole) {
  if (whole || bytes.size() <= 3 * kBlock) {
    hash.add(bytes);
    return;
  }
  const SinglePages one_by_one(bytes);
  for (const std::size_t at : {std::size_t{0}, (bytes.size() - kBlock) / 2, bytes.size() - kBlock})
    hash.add(bytes.subspan(at, kBlock));
}

}  // namespace

std::string model_id(const ModelFile& file) {
  Sha256 hash;
  const bool gguf = file.container().starts_with("GGUF");
  for (const auto& [key, value] : file.metadata()) {
    if (!gguf || key.starts_with("split.")) continue;  // a folder's own files say it
    add_field(hash, key), add_field(hash, std::visit(Spelled{}, value));
  }
  for (const std::string& path : file.files()) {
    if (holds_weights(path)) continue;
    add_field(hash, std::filesystem::path(path).filename().string()), add_field(hash, sha256_file(path));
  }
  const bool whole = file.tensor_bytes() <= kWhole;
  for (const TensorInfo& tensor : file.tensors()) {
    add_field(hash, fmt::format("{} {} {} {}", tensor.name, tensor.type, fmt::join(tensor.shape, " "),
                                tensor.n_bytes()));
    const auto add = [&](std::span<const std::byte> piece) { add_weights(hash, piece, whole); };
    if (tensor.relaid.empty()) tensor.for_each_piece(add);
    for (const auto& part : tensor.relaid)  // as the file has it: nothing is made
      for (const auto piece : part->stored()) add(piece);
  }
  return hash.text();
}

}  // namespace rw
