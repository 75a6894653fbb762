// SPDX-License-Identifier: Apache-2.0
#include "formats/gguf_split.h"

#include <algorithm>
#include <filesystem>

namespace rw {
namespace {

constexpr const char *kNumber = "split.no", *kCount = "split.count", *kTensors = "split.tensors.count";
constexpr std::int64_t kMaxFiles = 99999;  // five digits in a name

std::string ending(std::int64_t number, std::int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

std::int64_t required(const ModelFile& file, const char* key, std::int64_t low, std::int64_t high) {
  const auto value = file.integer(key);
  if (!value || *value < low || *value > high)
    throw Error(file.path(), fmt::format("{} from {} to {}", key, low, high),
                value ? fmt::format("{}", *value) : "none");
  return *value;
}

class SplitGguf final : public ModelFile {
 public:
  explicit SplitGguf(std::vector<std::unique_ptr<ModelFile>> parts) : parts_(std::move(parts)) {
    const ModelFile& first = *parts_.front();
    path_ = first.path();
    container_ = fmt::format("{}, {} files", first.container(), parts_.size());
    interleaved_qk_ = first.interleaved_qk();
    metadata_ = first.metadata();
    for (const auto& part : parts_) {
      check_metadata(*part);
      for (const TensorInfo& tensor : part->tensors()) {
        if (!tensor_index_.emplace(tensor.name, tensors_.size()).second)
          throw Error(part->path(), "each tensor in one file of the set", "'" + tensor.name + "' in two");
        tensors_.push_back(tensor);
      }
      for (const std::string& name : part->files()) files_.push_back(name);
      for (const MappedFile* mapping : part->mapped()) mapped_.push_back(mapping);
    }
    const auto declared = integer(kTensors);
    if (declared && *declared != static_cast<std::int64_t>(tensors_.size()))
      throw Error(path_, fmt::format("{} tensors in all files, by {}", *declared, kTensors),
                  fmt::format("{}", tensors_.size()), "the files are of different models, or damaged");
    take_scales();
    join_stacks();
    split_fused(false);
  }

 private:
  /// The first file speaks for all; what another says too must be the same.
  void check_metadata(const ModelFile& part) const {
    for (const auto& [key, value] : part.metadata()) {
      if (key == kNumber) continue;
      const auto own = metadata_.find(key);
      if (own == metadata_.end() || own->second != value)
        throw Error(part.path(), fmt::format("the same {} as in {}", key, path_), "another value",
                    "the files are of different models");
    }
  }
  std::vector<std::unique_ptr<ModelFile>> parts_;
};

}  // namespace

std::string split_prefix(const std::string& path) {
  const std::size_t length = ending(0, 1).size();
  if (path.size() <= length) return "";
  const std::string tail = path.substr(path.size() - length);
  const std::string shape = "-00000-of-00000.gguf";
  for (std::size_t i = 0; i < length; ++i)
    if (shape[i] == '0' ? tail[i] < '0' || tail[i] > '9' : tail[i] != shape[i]) return "";
  return path.substr(0, path.size() - length);
}

std::unique_ptr<ModelFile> join_gguf_split(std::unique_ptr<ModelFile> named, const std::string& path,
                                           const OpenGguf& open) {
  if (named->integer(kCount).value_or(1) == 1) return named;
  const std::int64_t count = required(*named, kCount, 2, kMaxFiles);
  const std::int64_t number = required(*named, kNumber, 0, count - 1);
  const std::string prefix = split_prefix(path);
  if (prefix.empty() || !path.ends_with(ending(number, count)))
    throw Error(
        path,
        fmt::format("a name that ends in {}, as file {} of {}", ending(number, count), number + 1, count),
        "another one", "the files of a set find each other by their names");
  std::vector<std::unique_ptr<ModelFile>> parts;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i == number) {
      parts.push_back(std::move(named));
      continue;
    }
    const std::string other = prefix + ending(i, count);
    if (!std::filesystem::exists(other))
      throw Error(other, fmt::format("file {} of the {} that the model is split into", i + 1, count),
                  "no such file", "put all of them into one folder");
    parts.push_back(open(other));
    const ModelFile& part = *parts.back();
    if (required(part, kCount, 2, kMaxFiles) != count || required(part, kNumber, 0, count - 1) != i)
      throw Error(other, fmt::format("file {} of {}, by its {}", i + 1, count, kNumber), "another",
                  "the file was renamed, or is of another set");
  }
  return std::make_unique<SplitGguf>(std::move(parts));
}

}  // namespace rw
