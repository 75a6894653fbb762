// SPDX-License-Identifier: Apache-2.0
#include "train/write_model.h"

#include <filesystem>

#include "core/output_folder.h"
#include "formats/hf_folder.h"
#include "formats/mapped_file.h"
#include "formats/write_gguf.h"
#include "formats/write_safetensors.h"
#include "train/stored_tensors.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

bool is_gguf(const ModelFile& file) { return file.container().starts_with("GGUF"); }

std::string text_of_file(const std::string& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// ---------------------------------------------------------------- GGUF

/// general.file_type of llama.cpp.
std::uint32_t file_type(const std::string& type) {
  return type == "F32" ? 0 : type == "F16" ? 1 : type == "Q8_0" ? 7 : 32;
}

void set_gguf_settings(const FileSettings& settings, const std::string& arch, std::vector<GgufKey>& keys) {
  if (!settings.no_gguf.empty())
    throw UsageError("method of the written GGUF", "one that a GGUF can say", settings.no_gguf,
                     "write a folder, or leave the method out of the file");
  drop_gguf_keys(keys, [&](const std::string& name) {
    return name.starts_with(arch + ".rope.scaling.") || name == arch + ".rope.scale_linear";
  });
  for (const auto& [name, value] : settings.gguf) {
    std::string key = fmt::format("{}.{}", arch, name);
    if (const auto* text = std::get_if<std::string>(&value))
      set_gguf_key(keys, GgufKey::string(std::move(key), *text));
    else if (const auto* real = std::get_if<double>(&value))
      set_gguf_key(keys, GgufKey::f32(std::move(key), static_cast<float>(*real)));
    else
      set_gguf_key(keys, GgufKey::u32(std::move(key), static_cast<std::uint32_t>(std::get<Index>(value))));
  }
}

void write_gguf_again(const ModelFile& source, StoredTensors& stored, const WriteOptions& options,
                      const std::string& path) {
  std::vector<GgufKey> keys = read_gguf_keys(source.path());
  if (!options.type.empty()) set_gguf_key(keys, GgufKey::u32("general.file_type", file_type(options.type)));
  if (options.type == "Q8_0") set_gguf_key(keys, GgufKey::u32("general.quantization_version", 2));
  std::vector<float> rope_freqs;
  if (options.settings) {
    set_gguf_settings(*options.settings, source.string("general.architecture").value_or(""), keys);
    rope_freqs = options.settings->rope_freqs;
    stored.drop([](const std::string& name) {
      return name == "rope_freqs.weight" || name.starts_with("rope_factors_");
    });
  }
  std::vector<TensorToWrite> tensors = stored.tensors();
  if (!rope_freqs.empty())
    tensors.push_back({"rope_freqs.weight", "F32", {static_cast<Index>(rope_freqs.size())}});
  write_gguf(path, keys, tensors, [&](std::size_t i, const TensorSink& sink) {
    if (i < stored.tensors().size())
      stored.write(i, sink);
    else
      sink(std::as_bytes(std::span(rope_freqs)));
  });
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
  if (options.settings)
    for (const auto& [key, value] : options.settings->config.items()) own[key] = value;
  return dump_json(config, 2) + "\n";
}

void write_folder_again(const ModelFile& source, StoredTensors& stored, const WriteOptions& options,
                        const std::string& path) {
  if (options.settings && !options.settings->no_config.empty())
    throw UsageError("method of the written folder", "one that config.json can say",
                     options.settings->no_config, "leave the method out of the folder");
  OutputFolder folder(path);
  stored.sort_for_safetensors();
  copy_configuration(source.path(), folder);
  const std::string config = source.path() + "/config.json";
  folder.write("config.json", new_config(text_of_file(config), config, options));
  write_safetensors(folder.file("model.safetensors"), stored.tensors(),
                    [&](std::size_t i, const TensorSink& sink) { stored.write(i, sink); });
  folder.commit();
}

}  // namespace

void write_model(const Model& source, const NewWeights& weights, const WriteOptions& options,
                 const std::string& path) {
  const ModelFile& file = source.file();
  const bool to_gguf = path.ends_with(".gguf");
  if (is_gguf(file) != to_gguf)
    throw UsageError(path, fmt::format("the source's container ({})", file.container()),
                     to_gguf ? "a GGUF" : "a folder", "name a file that ends in .gguf, or a new folder");
  StoredTensors stored(file, source.config(), weights, options.type);
  if (to_gguf)
    write_gguf_again(file, stored, options, path);
  else
    write_folder_again(file, stored, options, path);
}

}  // namespace ropewalk
