// SPDX-License-Identifier: Apache-2.0
#include "formats/model_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "core/option.h"
#include "formats/assumed_pre.h"
#include "formats/gguf.h"
#include "formats/hf_folder.h"
#include "formats/model_path.h"
#include "formats/relaid.h"

namespace rw {

std::unique_ptr<ModelFile> ModelFile::open(const std::string& path) {
  std::error_code ignored;
  const std::string found = find_model(path);
  std::unique_ptr<ModelFile> file =
      std::filesystem::is_directory(found, ignored) ? open_hf_folder(found) : open_gguf(found);
  if (!assumed_pre().empty()) file->take_pre(assumed_pre());
  return file;
}

void ModelFile::take_pre(const std::string& name) {
  constexpr std::string_view kModel = "tokenizer.ggml.model", kPre = "tokenizer.ggml.pre";
  if (container_ == "safetensors" || string(kModel) != "gpt2") return;  // others have no such key
  const std::optional<std::string> own = string(kPre);
  if (own && *own != "default" && *own != name)
    throw Error(fmt::format("{}: key {}", path_, kPre),
                fmt::format("'{}', as {} says, or nothing", name, option("pre")), fmt::format("'{}'", *own),
                "leave " + option("pre") + " out: the file knows its own");
  metadata_[std::string(kPre)] = name;
}

void require_format(const TensorInfo& tensor, std::string_view place) {
  if (tensor.format == nullptr)
    throw Error(place, fmt::format("a weight type of {}", fmt::join(Registry<WeightFormat>::names(), ", ")),
                tensor.type, "this engine computes with no other; take another quantisation of the model");
}

const TensorInfo* ModelFile::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

const TensorInfo& ModelFile::tensor(std::string_view name) const {
  if (const TensorInfo* found = find_tensor(name)) return *found;
  throw Error(path_, fmt::format("a tensor {}", name), "none", "the file is incomplete or of another kind");
}

namespace {

/// The value as T, nullopt when the key is absent. Errors: Error for another type.
template <class T>
const T* typed(const ModelFile& file, std::string_view key, const char* kind) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return nullptr;
  if (const T* value = std::get_if<T>(&found->second)) return value;
  throw Error(fmt::format("{}: key {}", file.path(), key), kind, "another type");
}

}  // namespace

std::optional<std::int64_t> ModelFile::integer(std::string_view key) const {
  const auto* value = typed<std::int64_t>(*this, key, "a whole number");
  return value ? std::optional(*value) : std::nullopt;
}
std::optional<double> ModelFile::number(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found != metadata_.end())
    if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*whole);
  const auto* value = typed<double>(*this, key, "a number");
  return value ? std::optional(*value) : std::nullopt;
}
std::optional<bool> ModelFile::boolean(std::string_view key) const {
  const auto* value = typed<bool>(*this, key, "true or false");
  return value ? std::optional(*value) : std::nullopt;
}
std::optional<std::string> ModelFile::string(std::string_view key) const {
  const auto* value = typed<std::string>(*this, key, "a string");
  return value ? std::optional(*value) : std::nullopt;
}
const std::vector<std::string>* ModelFile::strings(std::string_view key) const {
  return typed<std::vector<std::string>>(*this, key, "a list of strings");
}
const std::vector<std::int64_t>* ModelFile::integers(std::string_view key) const {
  return typed<std::vector<std::int64_t>>(*this, key, "a list of whole numbers");
}
const std::vector<double>* ModelFile::numbers(std::string_view key) const {
  return typed<std::vector<double>>(*this, key, "a list of numbers");
}

std::size_t TensorInfo::n_bytes() const {
  std::size_t total = bytes.size();
  for (const auto piece : pieces) total += piece.size();
  return total;
}

void TensorInfo::make_ready() const {
  for (const auto& part : relaid) part->ready();
}

const std::byte* TensorInfo::row(Index r) const {
  const auto n_pieces = static_cast<Index>(std::max<std::size_t>(1, pieces.size()));
  const Index n_rows = shape.empty() ? 1 : shape[0] / n_pieces;
  const auto which = static_cast<std::size_t>(r / n_rows);
  if (pieces.size() > 1 && relaid.size() == pieces.size())
    relaid[which]->ready();  // a joined tensor: what the row lies in
  else
    make_ready();
  const auto piece = pieces.empty() ? bytes : pieces[which];
  return piece.data() + static_cast<Index>(piece.size()) / n_rows * (r % n_rows);
}

std::vector<float> ModelFile::dequantize(const TensorInfo& tensor) {
  require_format(tensor, "tensor " + tensor.name);
  const auto values_in = [&](std::size_t n_bytes) {
    return n_bytes / static_cast<std::size_t>(tensor.format->block_bytes) *
           static_cast<std::size_t>(tensor.format->block_size);
  };
  std::vector<float> values(values_in(tensor.n_bytes()));
  float* to = values.data();
  tensor.for_each_piece([&](std::span<const std::byte> piece) {
    tensor.format->dequantize(piece.data(), to, static_cast<Index>(values_in(piece.size())));
    to += values_in(piece.size());
  });
  if (tensor.offset != 0)
    for (float& value : values) value += tensor.offset;
  return values;
}

void ModelFile::index_tensors() {
  tensor_index_.clear();
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (!tensor_index_.emplace(tensors_[i].name, i).second)
      throw Error(path_, "each tensor once, fused or in parts", "two of " + tensors_[i].name);
}

bool ModelFile::has_packed() const {
  return std::any_of(tensors_.begin(), tensors_.end(), [](const TensorInfo& t) { return !t.relaid.empty(); });
}

std::size_t ModelFile::tensor_bytes() const {
  std::size_t total = 0;
  for (const TensorInfo& tensor : tensors_) total += tensor.n_bytes();
  return total;
}

}  // namespace rw
