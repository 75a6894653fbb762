// SPDX-License-Identifier: Apache-2.0
/// config.json and tensor names of Hugging Face, translated to GGUF's.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "formats/hf_folder.h"

namespace ropewalk {
namespace {

/// Typed look-ups in one JSON object. Errors of all: Error naming the key.
struct Object {
  const JsonInput& json;
  const std::string& place;

  const JsonInput* find(const char* key) const {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
  [[noreturn]] void fail(const char* key, const char* expected) const {
    throw Error(place, fmt::format("{} {}", key, expected),
                find(key) ? dump_json(*find(key)).substr(0, 60) : "none");
  }
  /// 32768.0 is a whole number too: scripts that divide write it so.
  std::optional<std::int64_t> integer(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (value->is_number_float()) {
      const double number = value->get<double>();
      if (!(std::abs(number) <= 1e15) || number != std::floor(number)) fail(key, "a whole number");
      return static_cast<std::int64_t>(number);
    }
    if (!value->is_number_integer() || (value->is_number_unsigned() && value->get<std::uint64_t>() >> 62))
      fail(key, "a whole number");
    return value->get<std::int64_t>();
  }
  /// What the config class of transformers takes where the key is absent; null is `null_means`.
  std::optional<std::int64_t> integer_or_class_default(const char* key, std::int64_t class_default,
                                                       std::optional<std::int64_t> null_means) const {
    if (!json.contains(key)) return class_default;
    const auto value = integer(key);
    return value ? value : null_means;
  }
  std::int64_t required(const char* key) const {
    const auto value = integer(key);
    if (!value) fail(key, "a whole number");
    return *value;
  }
  std::optional<double> number(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_number() || !std::isfinite(value->get<double>())) fail(key, "a number");
    return value->get<double>();
  }
  /// 0 and 1 count, as in Python.
  std::optional<bool> boolean(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (value->is_number() && (*value == 0 || *value == 1)) return *value == 1;
    if (!value->is_boolean()) fail(key, "true or false");
    return value->get<bool>();
  }
  std::optional<std::string> string(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) fail(key, "a string");
    return value->get<std::string>();
  }
  std::optional<std::vector<double>> numbers(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_array() || value->size() > 4096) fail(key, "a list of numbers");
    std::vector<double> list;
    for (const JsonInput& element : *value) {
      if (!element.is_number()) fail(key, "a list of numbers");
      list.push_back(element.get<double>());
    }
    return list;
  }
};

void refuse_unsupported(const Object& config) {
  auto refuse = [&](const char* what) {
    throw Error(config.place, "a dense Llama, Mistral, Qwen2 or Qwen3 model",
                fmt::format("{}, which this engine does not compute", what));
  };
  for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts"})
    if (config.find(key)) refuse("a mixture of experts");
  if (config.find("kv_lora_rank")) refuse("multi-head latent attention (MLA)");
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
    if (config.find(key)) refuse("logit soft-capping");
  if (config.find("quantization_config")) refuse("weights quantised in a Hugging Face way");
  if (config.boolean("mlp_bias").value_or(false)) refuse("biases in the feed-forward part");
  if (config.string("hidden_act").value_or("silu") != "silu") refuse("an activation other than SiLU");
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (const JsonInput* scaling = config.find(key);
        scaling && scaling->is_object() &&
        (scaling->contains("mrope_section") ||
         (scaling->contains("rope_type") && (*scaling)["rope_type"] == "mrope") ||
         (scaling->contains("type") && (*scaling)["type"] == "mrope")))
      refuse("multi-section rotary positions (M-RoPE)");
}

/// rope_scaling (or rope_parameters, its new name) as GGUF keys under `arch`.
void translate_scaling(const Object& rope, const std::string& arch, Metadata& out) {
  const std::string type = rope.string("rope_type").value_or(rope.string("type").value_or("default"));
  if (type == "default") return;
  out[arch + ".rope.scaling.type"] = type;
  for (const auto& [from, to] : {std::pair{"factor", "factor"},
                                 {"attention_factor", "attn_factor"},
                                 {"beta_fast", "yarn_beta_fast"},
                                 {"beta_slow", "yarn_beta_slow"},
                                 {"mscale", "mscale"},
                                 {"mscale_all_dim", "mscale_all_dim"},
                                 {"low_freq_factor", "low_freq_factor"},
                                 {"high_freq_factor", "high_freq_factor"}})
    if (const auto value = rope.number(from)) out[fmt::format("{}.rope.scaling.{}", arch, to)] = *value;
  if (const auto value = rope.integer("original_max_position_embeddings"))
    out[arch + ".rope.scaling.original_context_length"] = *value;
  if (const auto value = rope.boolean("truncate")) out[arch + ".rope.scaling.truncate"] = *value;
  if (auto list = rope.numbers("long_factor")) out[arch + ".rope.scaling.long_factor"] = std::move(*list);
  if (auto list = rope.numbers("short_factor")) out[arch + ".rope.scaling.short_factor"] = std::move(*list);
}

/// Which layers have a window, from layer_types, the newer key. Errors: Error for kinds other than these two.
std::vector<std::int64_t> windowed_layers(const Object& config, const JsonInput& types,
                                          std::int64_t n_layers) {
  if (!types.is_array() || types.size() != static_cast<std::size_t>(n_layers))
    config.fail("layer_types", "a list with one entry for each layer");
  std::vector<std::int64_t> windowed;
  for (const JsonInput& type : types) {
    if (type != "full_attention" && type != "sliding_attention")
      throw Error(config.place, "layer_types full_attention or sliding_attention",
                  dump_json(type).substr(0, 60), "this engine computes no other kind of layer");
    windowed.push_back(type == "sliding_attention");
  }
  return windowed;
}

/// The window of each layer, as the config classes of transformers 5 derive it: Mistral has one in every
/// layer, 4096 unless said otherwise; Qwen has one only with use_sliding_window, in the layers that
/// layer_types names, else in those from max_window_layers (28) on.
void translate_window(const Object& config, const std::string& arch, std::int64_t n_layers, Metadata& out) {
  if (arch == "llama") return;
  auto window = config.integer_or_class_default("sliding_window", 4096, {});
  const JsonInput* types = arch == "mistral" ? nullptr : config.find("layer_types");
  if (arch != "mistral" && !config.boolean("use_sliding_window").value_or(false)) window.reset();
  const std::string key = arch + ".attention.sliding_window";
  if (types) {
    std::vector<std::int64_t> windowed = windowed_layers(config, *types, n_layers);
    if (!window && std::count(windowed.begin(), windowed.end(), 1) > 0)
      config.fail("sliding_window", "a number and use_sliding_window, since layer_types names such layers");
    out[key + "_pattern"] = std::move(windowed);
  } else if (arch != "mistral" && window) {
    out[key + "_from_layer"] = config.integer("max_window_layers").value_or(28);
  }
  if (window) out[key] = *window;
}

/// rope_scaling, where there is one, else rope_parameters, its name since transformers 5 (which reads them in
/// this order). Parameters by kind of layer are taken where all kinds have the same.
JsonInput rope_parameters(const Object& config) {
  const JsonInput* found = config.find("rope_scaling");
  if (found == nullptr || (found->is_object() && found->empty())) found = config.find("rope_parameters");
  if (found == nullptr) return JsonInput::object();
  if (!found->is_object()) throw Error(config.place, "rope_parameters an object", "something else");
  const JsonInput* shared = nullptr;
  for (const char* kind : {"full_attention", "sliding_attention"}) {
    const auto nested = found->find(kind);
    if (nested == found->end() || nested->is_null()) continue;
    if (!nested->is_object()) throw Error(config.place, "rope_parameters an object", "something else");
    if (shared && *shared != *nested)
      throw Error(config.place, "the same rope_parameters for every kind of layer", "different ones",
                  "this engine has one set of frequencies for all layers");
    shared = &*nested;
  }
  return shared ? *shared : *found;
}

}  // namespace

Metadata translate_config(const JsonInput& json, const std::string& place) {
  if (!json.is_object()) throw Error(place, "a JSON object", "something else");
  const Object config{json, place};
  const std::string arch = config.string("model_type").value_or("");
  refuse_unsupported(config);  // first: it names the feature that is not there
  if (arch != "llama" && arch != "mistral" && arch != "qwen2" && arch != "qwen3")
    throw Error(place, "model_type llama, mistral, qwen2 or qwen3", "'" + arch + "'",
                "a new family is one file in src/model/arch");
  Metadata out;
  out["general.architecture"] = arch;
  const std::int64_t d_model = config.required("hidden_size"),
                     n_heads = config.required("num_attention_heads");
  const std::int64_t n_layers = config.required("num_hidden_layers");
  out[arch + ".block_count"] = n_layers;
  out[arch + ".embedding_length"] = d_model;
  out[arch + ".feed_forward_length"] = config.required("intermediate_size");
  out[arch + ".attention.head_count"] = n_heads;
  const std::int64_t n_kv_heads = arch == "llama" ? n_heads : arch == "mistral" ? 8 : 32;
  out[arch + ".attention.head_count_kv"] =
      *config.integer_or_class_default("num_key_value_heads", n_kv_heads, n_heads);
  out[arch + ".context_length"] = config.required("max_position_embeddings");
  out[arch + ".attention.layer_norm_rms_epsilon"] = config.number("rms_norm_eps").value_or(1e-6);
  if (n_heads < 1 || n_heads > d_model)
    throw Error(place, "num_attention_heads from 1 to hidden_size", fmt::format("{}", n_heads));
  const std::int64_t head_dim =
      config.integer("head_dim").value_or(arch == "qwen3" ? 128 : d_model / n_heads);
  out[arch + ".attention.key_length"] = head_dim;
  out[arch + ".attention.value_length"] = head_dim;
  const JsonInput scaling = rope_parameters(config);
  const Object rope{scaling, place};
  out[arch + ".rope.freq_base"] =
      rope.number("rope_theta").value_or(config.number("rope_theta").value_or(10000.0));
  const double part =
      rope.number("partial_rotary_factor").value_or(config.number("partial_rotary_factor").value_or(1.0));
  if (part <= 0 || part > 1 || head_dim < 2 || head_dim > 1024)
    throw Error(place, "a head_dim up to 1024, partial_rotary_factor in (0, 1]",
                fmt::format("{}, {}", head_dim, part));
  out[arch + ".rope.dimension_count"] = static_cast<std::int64_t>(static_cast<double>(head_dim) * part);
  translate_scaling(rope, arch, out);
  if (const auto trained = config.integer("original_max_position_embeddings"))
    out[arch + ".rope.scaling.original_context_length"] = *trained;
  translate_window(config, arch, n_layers, out);
  if (const auto bias = config.boolean("attention_bias")) out["ropewalk.attention_bias"] = *bias;
  out["ropewalk.tie_embeddings"] = config.boolean("tie_word_embeddings").value_or(false);
  for (const auto& [from, to] : {std::pair{"bos_token_id", "tokenizer.ggml.bos_token_id"},
                                 {"eos_token_id", "tokenizer.ggml.eos_token_id"}})
    if (const JsonInput* id = config.find(from); id && id->is_number_integer())
      out[to] = *config.integer(from);
  return out;
}

std::string translate_tensor_name(std::string_view name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  constexpr std::string_view kLayers = "model.layers.";
  if (!name.starts_with(kLayers)) return std::string(name);
  const std::size_t dot = name.find('.', kLayers.size());
  if (dot == std::string_view::npos) return std::string(name);
  const std::string_view layer = name.substr(kLayers.size(), dot - kLayers.size());
  std::string_view rest = name.substr(dot + 1);
  const std::size_t last = rest.rfind('.');
  if (last == std::string_view::npos) return std::string(name);
  const std::string_view kind = rest.substr(last);
  rest = rest.substr(0, last);
  for (const auto& [from, to] : {std::pair{"self_attn.q_proj", "attn_q"},
                                 {"self_attn.k_proj", "attn_k"},
                                 {"self_attn.v_proj", "attn_v"},
                                 {"self_attn.o_proj", "attn_output"},
                                 {"self_attn.q_norm", "attn_q_norm"},
                                 {"self_attn.k_norm", "attn_k_norm"},
                                 {"mlp.gate_proj", "ffn_gate"},
                                 {"mlp.up_proj", "ffn_up"},
                                 {"mlp.down_proj", "ffn_down"},
                                 {"input_layernorm", "attn_norm"},
                                 {"post_attention_layernorm", "ffn_norm"}})
    if (rest == from) return fmt::format("blk.{}.{}{}", layer, to, kind);
  return std::string(name);
}

}  // namespace ropewalk
