// SPDX-License-Identifier: Apache-2.0
#include "formats/hf_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/checked.h"
#include "formats/hf_family.h"
#include "formats/mapped_file.h"
#include "formats/packed.h"
#include "formats/safetensors.h"

namespace rw {
namespace {

JsonInput read_json_file(const std::string& path, std::size_t max_bytes) {
  const MappedFile file(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (text.size() > max_bytes) return parse_json(text, path, max_bytes);  // says so
  return parse_json(without_python_numbers(text), path, max_bytes);
}

/// Shard names are data, so they name files of the folder only: letters, digits, . _ - and the ending.
void check_shard_name(const std::string& name, const std::string& place) {
  const bool plain = !name.empty() && name[0] != '.' && name.ends_with(".safetensors") &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              c == '.' || c == '_' || c == '-';
                     });
  if (!plain)
    throw Error(place, "shard names of letters, digits, . _ - that end in .safetensors",
                "'" + name.substr(0, 80) + "'");
}

/// Shard -> the tensors that the index promises in it; without an index, one shard and no promises. Beside
/// model.safetensors an index is stale, and not read, as in transformers.
std::map<std::string, std::set<std::string>> read_index(const std::string& folder) {
  const std::string index = folder + "/model.safetensors.index.json";
  if (std::filesystem::exists(folder + "/model.safetensors")) return {{"model.safetensors", {}}};
  if (!std::filesystem::exists(index)) {
    for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (std::filesystem::exists(fmt::format("{}/{}", folder, pickle)))
        throw Error(folder, "weights in model.safetensors", pickle,
                    "a pickle runs code when it is read; save the model again with safe_serialization=True");
    return {{"model.safetensors", {}}};  // the error will name it
  }
  const JsonInput json = read_json_file(index, 64u << 20);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object()) throw Error(index, "a weight_map", "none");
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) throw Error(index, "shard names as strings", dump_json(shard).substr(0, 40));
    check_shard_name(shard.get<std::string>(), index);
    shards[shard.get<std::string>()].insert(tensor);
  }
  if (shards.empty()) throw Error(index, "a weight_map that names shards", "an empty one");
  return shards;
}

/// The index and the shard must name the same tensors: else one of them was changed or swapped.
void check_promises(const std::set<std::string>& promised, const std::vector<TensorInfo>& found,
                    const std::string& place) {
  if (promised.empty()) return;
  for (const TensorInfo& tensor : found)
    if (!promised.contains(tensor.name))
      throw Error(place, "only tensors that the index puts here", "'" + tensor.name.substr(0, 80) + "'");
  if (found.size() != promised.size())
    throw Error(place, fmt::format("{} tensors, by the index", promised.size()),
                fmt::format("{}", found.size()), "the folder mixes files of two models");
}

class HfModel : public ModelFile {
 public:
  /// A config.json of another family leaves a file that can be looked at: unsupported() says why.
  HfModel(const std::string& folder, const JsonInput& config) {
    path_ = folder;
    container_ = "safetensors";
    const std::string place = folder + "/config.json";
    try {
      metadata_ = translate_config(config, place);
      quantisation_ = read_hf_quantisation(config, place);
      family_ = find_hf_family(config, place);
      interleaved_qk_ = family_->interleaved_qk;
    } catch (const Error& e) {
      unsupported_ = e;
      if (config.is_object() && config.contains("model_type") && config["model_type"].is_string())
        metadata_["general.architecture"] = config["model_type"].get<std::string>();
    }
  }
  void add_shard(std::span<const std::byte> bytes, const std::string& path,
                 const std::set<std::string>& promised) {
    shards_.emplace_back(path, bytes);
    std::vector<TensorInfo> found = parse_safetensors(bytes, path);
    check_promises(promised, found, path);
    for (TensorInfo& tensor : found) add(std::move(tensor), path);
  }
  std::vector<TensorInfo> stored_tensors() const override {
    std::vector<TensorInfo> all;
    for (const auto& [path, bytes] : shards_)
      for (TensorInfo& tensor : parse_safetensors(bytes, path)) all.push_back(std::move(tensor));
    return all;
  }
  /// After the last shard: packed matrices become one tensor each, fused tensors their parts, and numbered
  /// ones a stack.
  void finish() {
    unpack();
    join_stacks();
    if (family_) split_fused(family_->qkv_by_group);
  }
  void read_tokenizer_config(const JsonInput& json, const std::string& path) {
    if (!json.is_object()) throw Error(path, "a JSON object", "something else");
    if (const auto found = json.find("chat_template"); found != json.end() && found->is_string())
      metadata_["tokenizer.chat_template"] = found->get<std::string>();
    if (const auto found = json.find("add_bos_token"); found != json.end() && found->is_boolean())
      metadata_["tokenizer.ggml.add_bos_token"] = found->get<bool>();
    for (const char* key : {"bos_token", "eos_token"}) {
      const auto found = json.find(key);
      if (found == json.end()) continue;
      if (found->is_string()) metadata_[fmt::format("tokenizer.{}", key)] = found->get<std::string>();
      if (found->is_object() && found->contains("content") && (*found)["content"].is_string())
        metadata_[fmt::format("tokenizer.{}", key)] = (*found)["content"].get<std::string>();
    }
  }

 private:
  void add(TensorInfo tensor, const std::string& place) {
    if (is_of_another_part(tensor.name)) {
      left_out_.push_back(std::move(tensor.name));
      return;
    }
    if (family_) tensor.name = translate_tensor_name(tensor.name, family_->arch);
    // Some folders store the tied output matrix a second time; the embeddings serve for both.
    if (tensor.name == "output.weight" && boolean("ropewalk.tie_embeddings") == true) return;
    if (family_ && tensor.name.ends_with("norm.weight") && !tensor.name.ends_with("ssm_norm.weight"))
      tensor.offset = family_->norm_offset;
    // Without experts, what Granite 4.0-h would share beside them is its feed-forward part.
    if (const std::size_t shared = tensor.name.find("_shexp.");
        shared != std::string::npos && family_ && std::string_view(family_->arch) == "granitehybrid" &&
        !integer("granitehybrid.expert_count"))
      tensor.name.erase(shared, 6);
    // A row of one: GGUFs hold the numbers alone.
    if ((tensor.name.ends_with("ffn_gate_inp_shexp.weight") || tensor.name.ends_with("exp_probs_b.bias")) &&
        tensor.shape.size() == 2 && tensor.shape[0] == 1)
      tensor.shape.erase(tensor.shape.begin());
    if (!tensor_index_.emplace(tensor.name, tensors_.size()).second)
      throw Error(place, "each tensor once", "two of " + tensor.name);
    tensors_.push_back(std::move(tensor));
  }
  void unpack() {
    if (quantisation_.method == HfQuantisation::Method::kNone) return;
    tensors_ = unpack_modules(std::move(tensors_), quantisation_, path_, left_out_);
    if (boolean("ropewalk.tie_embeddings") == true)  // as add() does
      std::erase_if(tensors_, [](const TensorInfo& tensor) { return tensor.name == "output.weight"; });
    index_tensors();
  }
  const HfFamily* family_ = nullptr;  ///< nullptr: not translated
  HfQuantisation quantisation_;
  std::vector<std::pair<std::string, std::span<const std::byte>>> shards_;
};

class HfFolder final : public HfModel {
 public:
  explicit HfFolder(const std::string& folder)
      : HfModel(folder, read_json_file(folder + "/config.json", 4u << 20)) {
    for (const char* name :
         {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
          "special_tokens_map.json", "chat_template.jinja", "chat_template.json", "tekken.json",
          "spiece.model", "tokenizer.model", "vocab.txt"})
      if (const std::string path = fmt::format("{}/{}", folder, name); std::filesystem::exists(path))
        files_.push_back(path);
    for (const auto& [shard, promised] : read_index(folder)) {
      const std::string path = fmt::format("{}/{}", folder, shard);
      check_stays_inside(folder, path);
      mappings_.push_back(std::make_unique<MappedFile>(path));
      mapped_.push_back(mappings_.back().get());
      add_shard(mappings_.back()->bytes(), path, promised);
      files_.push_back(path);
    }
    finish();
    // Metadata to look at; the tokenizer reads the file itself, and says what is wrong with it.
    const std::string tokenizer = folder + "/tokenizer_config.json";
    if (std::filesystem::exists(tokenizer)) try {
        read_tokenizer_config(read_json_file(tokenizer, 16u << 20), tokenizer);
      } catch (const Error&) {
      }
  }

 private:
  std::vector<std::unique_ptr<MappedFile>> mappings_;
};

}  // namespace

/// The cache keeps its files in `blobs`, two levels up from `snapshots/REVISION`.
void check_stays_inside(const std::string& folder, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path root = fs::canonical(folder, failed);
  const fs::path file = failed ? fs::path() : fs::canonical(path, failed);
  if (failed) throw Error(path, "a readable file", failed.message(), "a file of the model is missing");
  const fs::path snapshots = root.parent_path();
  const bool cached =
      snapshots.filename() == "snapshots" && file.parent_path() == snapshots.parent_path() / "blobs";
  if (file.parent_path() != root && !cached)
    throw Error(path, "a file of the folder itself", "a link out of it", "copy the file into the folder");
}

std::unique_ptr<ModelFile> open_hf_folder(const std::string& folder) {
  return std::make_unique<HfFolder>(folder);
}

std::unique_ptr<ModelFile> parse_hf_model(std::string_view config, std::string_view tokenizer_config,
                                          std::span<const std::byte> safetensors, const std::string& name) {
  auto model = std::make_unique<HfModel>(name, parse_json(config, name + "/config.json", 4u << 20));
  model->add_shard(safetensors, name + "/model.safetensors", {});
  model->finish();
  const std::string place = name + "/tokenizer_config.json";
  if (!tokenizer_config.empty()) model->read_tokenizer_config(parse_json(tokenizer_config, place), place);
  return model;
}

}  // namespace rw
