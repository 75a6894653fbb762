// SPDX-License-Identifier: Apache-2.0
#include "train/write_model.h"

#include <filesystem>

#include "core/output_folder.h"
#include "formats/hf_folder.h"
#include "formats/mapped_file.h"
#include "formats/write_safetensors.h"
#include "train/llama_containers.h"
#include "train/stored_tensors.h"
#include "train/write_settings.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

std::string text_of_file(const std::string& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// ---------------------------------------------------------------- GGUF

void write_gguf_again(const ModelFile& source, StoredTensors& stored, const WriteOptions& options,
                      const std::string& path) {
  std::vector<GgufKey> keys = read_gguf_keys(source.path());
  if (!options.type.empty())
    set_gguf_key(keys, GgufKey::u32("general.file_type", gguf_file_type(options.type)));
  if (options.type == "Q8_0") set_gguf_key(keys, GgufKey::u32("general.quantization_version", 2));
  set_gguf_general(options.general, keys);
  std::vector<float> rope_freqs;
  if (options.settings) {
    set_gguf_settings(*options.settings, source.string("general.architecture").value_or(""), keys);
    rope_freqs = options.settings->rope_freqs;
    stored.drop([](const std::string& name) {
      return name == "rope_freqs.weight" || name.starts_with("rope_factors_");
    });
  }
  write_gguf_with_freqs(
      path, keys, stored.tensors(), [&](std::size_t i, const TensorSink& sink) { stored.write(i, sink); },
      rope_freqs);
}

// ---------------------------------------------------------------- a folder

/// Whether a file of a model folder is part of its configuration or its tokenizer: not its weights, and not
/// what is written anew.
bool is_copied(const std::string& name) {
  if (name == "config.json" || name.ends_with(".index.json")) return false;
  for (const char* ending : {".json", ".txt", ".model", ".jinja", ".py"})
    if (name.ends_with(ending)) return true;
  return false;
}

void copy_configuration(const std::string& from, const OutputFolder& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (!is_copied(name) || !entry.is_regular_file()) continue;
    check_stays_inside(from, entry.path().string());
    to.write(name, text_of_file(entry.path().string()));
  }
}

/// config.json with what is new. A multimodal one holds the language model's numbers in text_config.
std::string new_config(const std::string& text, const std::string& place, const WriteOptions& options) {
  parse_json(text, place, 4u << 20);  // its size, depth and keys
  Json config = Json::parse(text);
  Json& own = config.contains("text_config") ? config["text_config"] : config;
  if (!options.type.empty()) {
    const char* type = options.type == "F32" ? "float32" : options.type == "F16" ? "float16" : "bfloat16";
    for (Json* object : {&config, &own})
      for (const char* key : {"torch_dtype", "dtype"})
        if (object->contains(key)) (*object)[key] = type;
  }
  if (options.settings) set_config_settings(*options.settings, config);
  return dump_json(config, 2) + "\n";
}

void write_folder_again(const ModelFile& source, StoredTensors& stored, const WriteOptions& options,
                        const std::string& path, Existing existing) {
  if (options.settings) require_config_settings(*options.settings);
  OutputFolder folder(path, existing);
  stored.sort_for_safetensors();
  copy_configuration(source.path(), folder);
  const std::string config = source.path() + "/config.json";
  folder.write("config.json", new_config(text_of_file(config), config, options));
  write_safetensors(folder.file("model.safetensors"), stored.tensors(),
                    [&](std::size_t i, const TensorSink& sink) { stored.write(i, sink); });
  folder.commit();
}

}  // namespace

bool is_gguf(const Model& source) { return source.file().container().starts_with("GGUF"); }

void require_writable(const LearningModel& learning, const std::string& type) {
  const NewWeights weights = new_weights(learning);
  StoredTensors(learning.model->file(), learning.model->config(), weights, type);
}

void write_model(const Model& source, const NewWeights& weights, const WriteOptions& options,
                 const std::string& path, Existing existing) {
  const ModelFile& file = source.file();
  const bool to_gguf = path.ends_with(".gguf");
  if (is_gguf(source) != to_gguf)
    return to_gguf ? write_folder_as_gguf(source, weights, options, path)
                   : write_gguf_as_folder(source, weights, options, path, existing);
  StoredTensors stored(file, source.config(), weights, options.type);
  if (to_gguf)
    write_gguf_again(file, stored, options, path);
  else
    write_folder_again(file, stored, options, path, existing);
}

}  // namespace rw
