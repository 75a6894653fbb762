// SPDX-License-Identifier: Apache-2.0
#include "train/write_settings.h"

#include "quant/encode.h"

namespace rw {

void require_written_type(const std::string& type, bool gguf) {
  if (type.empty()) return;
  const WeightFormat* format = Registry<WeightFormat>::find(type);
  if (format == nullptr || !can_encode(*format) || (!gguf && format->block_size != 1))
    throw UsageError(
        "type of the weights", gguf ? "F32, F16, BF16 or Q8_0" : "F32, F16 or BF16", type,
        gguf ? "other types need llama.cpp's llama-quantize" : "Q8_0 is a GGUF's: end its name in .gguf");
}

void require_rows_fit(const std::string& tensor, const std::vector<Index>& shape, const std::string& type) {
  const WeightFormat* format = Registry<WeightFormat>::find(type);
  if (format == nullptr || !can_encode(*format))
    throw Error("tensor " + tensor, "new weights of a type that can be written", type,
                "name one: F32, F16, BF16, or Q8_0 in a GGUF");
  if (shape.back() % format->block_size != 0)
    throw Error("tensor " + tensor,
                fmt::format("rows of a multiple of {} weights, for {}", format->block_size, type),
                fmt::format("{}", shape.back()), "name another type: F32, F16 or BF16");
}

std::uint32_t gguf_file_type(const std::string& type) {
  return type == "F32" ? 0 : type == "F16" ? 1 : type == "Q8_0" ? 7 : 32;
}

void set_gguf_settings(const FileSettings& settings, const std::string& arch, std::vector<GgufKey>& keys) {
  if (!settings.no_gguf.empty())
    throw UsageError("method of the written GGUF", "one that a GGUF can say", settings.no_gguf,
                     "write a folder, or leave the method out of the file");
  drop_gguf_keys(keys, [&](const std::string& name) {
    return (name.starts_with(arch + ".rope.scaling.") &&
            !name.ends_with(".finetuned")) ||  // Granite's switch
           name == arch + ".rope.scale_linear";
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

void set_gguf_general(const std::vector<std::pair<std::string, std::string>>& general,
                      std::vector<GgufKey>& keys) {
  for (const auto& [key, value] : general) set_gguf_key(keys, GgufKey::string("general." + key, value));
}

void write_gguf_with_freqs(const std::string& path, std::span<const GgufKey> keys,
                           std::vector<TensorToWrite> tensors, const TensorSource& source,
                           std::span<const float> rope_freqs) {
  const std::size_t n = tensors.size();
  if (!rope_freqs.empty())
    tensors.push_back({"rope_freqs.weight", "F32", {static_cast<Index>(rope_freqs.size())}});
  write_gguf(path, keys, tensors, [&](std::size_t i, const TensorSink& sink) {
    if (i < n)
      source(i, sink);
    else
      sink(std::as_bytes(rope_freqs));
  });
}

namespace {

/// What the old objects say beside frequencies: which parts of a head are rotated by which of three positions
/// (Qwen2-VL). Its attention cannot run without.
Json sections_of(const Json& config) {
  Json kept = Json::object();
  for (const char* object : {"rope_scaling", "rope_parameters"})
    for (const char* key : {"mrope_section", "mrope_interleaved"})
      if (config.contains(object) && config[object].is_object() && config[object].contains(key))
        kept[key] = config[object][key];
  return kept;
}

}  // namespace

void set_config_settings(const FileSettings& settings, Json& config) {
  Json& own = config.contains("text_config") ? config["text_config"] : config;
  const Json sections = sections_of(own);
  for (const auto& [key, value] : settings.config.items()) own[key] = value;
  if (!sections.empty() && own.contains("rope_parameters")) {
    own["rope_parameters"].update(sections);
    own["rope_scaling"] = own["rope_parameters"];  // where transformers 4 looks for them
  }
  if (own.contains("rotary_emb_base") && settings.config.contains("rope_theta"))  // Pythia's name
    own["rotary_emb_base"] = settings.config["rope_theta"];
}

std::string config_saying(const std::string& text, const std::string& place, const FileSettings& settings) {
  parse_json(text, place, 4u << 20);  // its size, depth and keys
  Json config = Json::parse(text);
  set_config_settings(settings, config);
  return dump_json(config, 2) + "\n";
}

void require_config_settings(const FileSettings& settings) {
  if (!settings.no_config.empty())
    throw UsageError("method of the written folder", "one that config.json can say", settings.no_config,
                     "leave the method out of the folder");
}

}  // namespace rw
