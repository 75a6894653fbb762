// SPDX-License-Identifier: Apache-2.0
#include "train/adapter.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "core/json.h"
#include "core/output_folder.h"
#include "formats/hf_folder.h"
#include "formats/write_safetensors.h"
#include "model/pairing.h"

namespace rw {
namespace {

constexpr std::string_view kWeight = ".weight", kA = ".lora_a", kB = ".lora_b";

/// Families whose folders name modules as Llama's do, and pair dims half-split.
bool named_like_llama(const std::string& arch) {
  constexpr const char* kNames[] = {"llama",   "mistral", "qwen2",   "qwen3",    "gemma", "gemma2",  "gemma3",
                                    "granite", "olmo2",   "smollm3", "mistral3", "arcee", "seed_oss"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](const char* name) { return arch == name; });
}

/// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj", as transformers calls the module.
class ModuleNames {
 public:
  explicit ModuleNames(const ModelFile& file) : file_(file) {
    if (file.container().starts_with("GGUF")) {
      const std::string arch = file.string("general.architecture").value_or("");
      if (!named_like_llama(arch))
        throw Error(file.path(), "a GGUF of a family whose modules are called like Llama's, for an adapter",
                    arch, "take the model's folder, or write the merged model");
      return;
    }
    for (TensorInfo& stored : file.stored_tensors()) stored_[stored.bytes.data()] = std::move(stored);
  }
  /// Empty: it is a part of a fused module.
  std::string of(const std::string& tensor) const {
    std::string name = stored_.empty() ? llama_tensor_name(tensor) : in_folder(file_.tensor(tensor));
    if (name.empty() && !stored_.empty()) return name;
    if (!name.ends_with(kWeight)) throw Error(file_.path(), "a module's weight", "'" + name + "'");
    name.resize(name.size() - kWeight.size());
    return name;
  }

 private:
  std::string in_folder(const TensorInfo& tensor) const {
    const auto found = stored_.find(tensor.bytes.data());
    if (!tensor.pieces.empty() || found == stored_.end() || found->second.bytes.size() != tensor.bytes.size())
      return "";
    return found->second.name;
  }
  const ModelFile& file_;
  std::map<const std::byte*, TensorInfo> stored_;
};

/// "blk.3.attn_q.weight" of the pair's "blk.3.attn_q.weight.lora_a".
std::string tensor_of(const Parameter& pair) { return pair.name.substr(0, pair.name.size() - kA.size()); }
/// "attn_q" of that.
std::string target_of(const std::string& tensor) {
  const std::size_t begin = tensor.find('.', tensor.find('.') + 1) + 1;
  return tensor.substr(begin, tensor.size() - kWeight.size() - begin);
}

/// The module of each tensor that has a pair. Errors: require_adapter's, which name all that is fused.
std::map<std::string, std::string> modules_of(const LearningModel& model) {
  const ModelFile& file = model.model->file();
  if (!has_pairs(model))
    throw Error(file.path(), "low-rank pairs, for an adapter", "none", "write the whole model");
  const ModuleNames names(file);
  std::map<std::string, std::string> modules;
  std::set<std::string> fused;
  for (const Parameter& p : model.parameters) {
    if (!p.name.ends_with(kA) && !p.name.ends_with(kB))
      throw Error(file.path(), "low-rank pairs alone, for an adapter", p.name, "write the whole model");
    const std::string tensor = tensor_of(p), module = names.of(tensor);
    if (module.empty()) fused.insert(target_of(tensor));
    modules[tensor] = module;
  }
  if (!fused.empty())
    throw Error(file.path(), "a module of its own for each target, for an adapter",
                fmt::format("{}, each a part of a fused one", fmt::join(fused, ", ")),
                "leave these out of the targets (--targets), or take the merged model");
  return modules;
}

/// One tensor of the adapter.
struct Part {
  TensorToWrite to;
  std::vector<float> values;
};

/// Rows of B as the folder has those of W.
std::vector<float> in_folder_order(const ModelFile& file, const ModelConfig& config,
                                   const std::string& tensor, const Parameter& b, const float* values) {
  std::vector<float> ordered(values, values + b.n());
  if (file.container().starts_with("GGUF")) return ordered;
  const RowOrder order(config, tensor);
  for (Index r = 0; r < b.n_rows; ++r)
    std::copy_n(values + r * b.n_columns, b.n_columns, ordered.begin() + order.stored(r) * b.n_columns);
  return ordered;
}

/// lora_alpha so that alpha / rank is the scale; a whole number where it is one.
Json alpha_of(float scale, Index rank) {
  const double alpha = static_cast<double>(scale) * static_cast<double>(rank);
  const Index whole = std::lround(alpha);
  if (static_cast<float>(static_cast<double>(whole) / static_cast<double>(rank)) == scale) return whole;
  return alpha;
}

/// A folder is named by its whole path: the adapter is loaded from anywhere.
std::string base_of(const ModelFile& file, const AdapterOptions& options) {
  return options.base.empty() ? std::filesystem::absolute(file.path()).lexically_normal().string()
                              : options.base;
}

}  // namespace

void require_adapter(const LearningModel& model) { modules_of(model); }

void write_adapter(const LearningModel& model, const AdapterOptions& options, const std::string& folder,
                   Existing existing) {
  const ModelFile& file = model.model->file();
  const std::map<std::string, std::string> module_of = modules_of(model);
  const float scale = *model.pair_scale;
  std::vector<Part> parts;
  std::set<std::string> modules;
  Index rank = 0;
  for (const Parameter& p : model.parameters) {
    const bool is_a = p.name.ends_with(kA);
    const std::string tensor = tensor_of(p);
    const std::string& module = module_of.at(tensor);
    const float* values = model.values->data() + p.begin;
    if (is_a) rank = p.n_rows;
    modules.insert(module.substr(module.rfind('.') + 1));
    parts.push_back({{fmt::format("base_model.model.{}.lora_{}.weight", module, is_a ? 'A' : 'B'),
                      "F32",
                      {p.n_rows, p.n_columns}},
                     is_a ? std::vector<float>(values, values + p.n())
                          : in_folder_order(file, model.model->config(), tensor, p, values)});
  }
  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return safetensors_before(a.to, b.to); });
  std::vector<TensorToWrite> tensors;
  tensors.reserve(parts.size());
  for (const Part& part : parts) tensors.push_back(part.to);
  const Json config{{"peft_type", "LORA"},
                    {"task_type", "CAUSAL_LM"},
                    {"base_model_name_or_path", base_of(file, options)},
                    {"r", rank},
                    {"lora_alpha", alpha_of(scale, rank)},
                    {"lora_dropout", 0.0},
                    {"target_modules", modules},
                    {"bias", "none"},
                    {"fan_in_fan_out", false},
                    {"inference_mode", true}};
  OutputFolder out(folder, existing);
  out.write("adapter_config.json", dump_json(config, 2) + "\n");
  if (options.settings && options.settings->no_config.empty()) {
    Json keys = options.settings->config;
    // A null there would take rope_parameters away in config.update(): since transformers 5 they are one.
    if (keys.contains("rope_scaling") && keys["rope_scaling"].is_null()) keys.erase("rope_scaling");
    out.write("base_config.json", dump_json(keys, 2) + "\n");
  }
  write_safetensors(
      out.file("adapter_model.safetensors"), tensors,
      [&](std::size_t i, const TensorSink& sink) { sink(std::as_bytes(std::span(parts[i].values))); });
  out.commit();
}

}  // namespace rw
