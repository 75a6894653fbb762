// SPDX-License-Identifier: Apache-2.0
/// config.json and tensor names of Hugging Face, translated to GGUF's.
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
  std::optional<std::int64_t> integer(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_number_integer() || (value->is_number_unsigned() && value->get<std::uint64_t>() >> 62))
      fail(key, "a whole number");
    return value->get<std::int64_t>();
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
  std::optional<bool> boolean(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
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

void translate_window(const Object& config, const std::string& arch, Metadata& out) {
  const auto window = config.integer("sliding_window");
  if (!window) return;
  if (arch == "mistral" || (arch != "llama" && config.boolean("use_sliding_window").value_or(false))) {
    out[arch + ".attention.sliding_window"] = *window;
    if (arch != "mistral")
      if (const auto first = config.integer("max_window_layers"))
        out[arch + ".attention.sliding_window_from_layer"] = *first;
  }
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
  out[arch + ".block_count"] = config.required("num_hidden_layers");
  out[arch + ".embedding_length"] = d_model;
  out[arch + ".feed_forward_length"] = config.required("intermediate_size");
  out[arch + ".attention.head_count"] = n_heads;
  out[arch + ".attention.head_count_kv"] = config.integer("num_key_value_heads").value_or(n_heads);
  out[arch + ".context_length"] = config.required("max_position_embeddings");
  out[arch + ".attention.layer_norm_rms_epsilon"] = config.number("rms_norm_eps").value_or(1e-6);
  if (n_heads < 1 || n_heads > d_model)
    throw Error(place, "num_attention_heads from 1 to hidden_size", fmt::format("{}", n_heads));
  const std::int64_t head_dim =
      config.integer("head_dim").value_or(arch == "qwen3" ? 128 : d_model / n_heads);
  out[arch + ".attention.key_length"] = head_dim;
  out[arch + ".attention.value_length"] = head_dim;
  static const JsonInput kNone = JsonInput::object();
  const JsonInput* scaling =
      config.find("rope_parameters") ? config.find("rope_parameters") : config.find("rope_scaling");
  if (scaling && !scaling->is_object()) throw Error(place, "rope_parameters an object", "something else");
  const Object rope{scaling ? *scaling : kNone, place};
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
  translate_window(config, arch, out);
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
