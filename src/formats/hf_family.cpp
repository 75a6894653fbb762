// SPDX-License-Identifier: Apache-2.0
/// Reference: the configuration_*.py of transformers 5.24 and, for MiniCPM, InternLM2 and Baichuan, which
/// come with their own code, llama.cpp's converter.
#include "formats/hf_family.h"

#include <algorithm>

namespace ropewalk {
namespace {

[[noreturn]] void refuse_feature(const HfObject& config, const char* what) {
  throw Error(config.place, "a model that this engine computes",
              fmt::format("{}, which it does not compute", what));
}

void refuse_if(const HfObject& config, const char* key, const char* what) {
  if (config.boolean(key).value_or(false)) refuse_feature(config, what);
}

/// The scale of attention where the config has one in place of head_dim.
void scale_of_gemma(const HfObject& config, const std::string& arch, Metadata& out) {
  refuse_if(config, "use_bidirectional_attention", "attention to later tokens");
  const double scalar = config.number("query_pre_attn_scalar").value_or(256);
  if (!(scalar > 0)) config.fail("query_pre_attn_scalar", "above 0");
  out[arch + ".attention.scale"] = 1 / std::sqrt(scalar);
}

/// Absent is the class's cap, null is none.
void cap(const HfObject& config, const char* key, const std::string& gguf_key,
         std::optional<double> class_default, Metadata& out) {
  const auto value = config.json.contains(key) ? config.number(key) : class_default;
  if (value) out[gguf_key] = *value;
}

void own_gemma(const HfObject& config, const std::string&, Metadata&) {
  refuse_if(config, "use_bidirectional_attention", "attention to later tokens");
}

void own_gemma2(const HfObject& config, const std::string& arch, Metadata& out) {
  scale_of_gemma(config, arch, out);
  cap(config, "attn_logit_softcapping", arch + ".attn_logit_softcapping", 50, out);
  cap(config, "final_logit_softcapping", arch + ".final_logit_softcapping", 30, out);
}

void own_gemma3(const HfObject& config, const std::string& arch, Metadata& out) {
  scale_of_gemma(config, arch, out);
  cap(config, "attn_logit_softcapping", arch + ".attn_logit_softcapping", {}, out);
  cap(config, "final_logit_softcapping", arch + ".final_logit_softcapping", {}, out);
}

void own_phi(const HfObject& config, const std::string&, Metadata&) {
  refuse_if(config, "qk_layernorm", "norms of q and k in Phi");
}

void own_phi3(const HfObject& config, const std::string& arch, Metadata& out) {
  out[arch + ".rope.scaling.original_context_length"] =
      config.integer("original_max_position_embeddings").value_or(4096);
}

void own_ministral3(const HfObject& config, const std::string& arch, Metadata& out) {
  const JsonInput* rope = config.object("rope_parameters");
  if (rope == nullptr) config.fail("rope_parameters", "an object, in this family");
  if (const auto beta = HfObject{*rope, config.place}.number("llama_4_scaling_beta"))
    out[arch + ".attention.temperature_scale"] = *beta;
}

void own_granite(const HfObject& config, const std::string& arch, Metadata& out) {
  for (const auto& [from, to] : {std::pair{"attention_multiplier", ".attention.scale"},
                                 {"embedding_multiplier", ".embedding_scale"},
                                 {"residual_multiplier", ".residual_scale"},
                                 {"logits_scaling", ".logit_scale"}})
    out[arch + to] = config.number(from).value_or(1.0);
}

void own_minicpm(const HfObject& config, const std::string& arch, Metadata& out) {
  const double n_layers = config.required_number("num_hidden_layers");
  const double base = config.required_number("dim_model_base");
  if (!(base > 0) || !(n_layers > 0)) config.fail("dim_model_base", "and num_hidden_layers above 0");
  out[arch + ".embedding_scale"] = config.required_number("scale_emb");
  out[arch + ".residual_scale"] = config.required_number("scale_depth") / std::sqrt(n_layers);
  out[arch + ".logit_scale"] = config.required_number("hidden_size") / base;
}

void own_smollm3(const HfObject& config, const std::string&, Metadata&) {
  refuse_if(config, "use_sliding_window", "sliding windows in SmolLM3");
}

void own_cohere(const HfObject& config, const std::string& arch, Metadata& out) {
  out[arch + ".logit_scale"] = config.number("logit_scale").value_or(0.0625);
  if (const auto trained = config.integer("model_max_length")) out[arch + ".context_length"] = *trained;
}

void own_neox(const HfObject& config, const std::string& arch, Metadata& out) {
  out[arch + ".use_parallel_residual"] = config.boolean("use_parallel_residual").value_or(true);
}

void own_stablelm(const HfObject& config, const std::string& arch, Metadata& out) {
  out[arch + ".use_parallel_residual"] = config.boolean("use_parallel_residual").value_or(false);
}

/// Falcon 7B has one key head, whatever num_kv_heads says; 40B has num_kv_heads.
void own_falcon(const HfObject& config, const std::string& arch, Metadata& out) {
  refuse_if(config, "alibi", "positions as a bias of attention (ALiBi)");
  const bool fresh = config.boolean("new_decoder_architecture").value_or(false);
  const std::int64_t n_heads = config.required("num_attention_heads");
  const bool one = config.boolean("multi_query").value_or(true);
  out[arch + ".attention.head_count_kv"] = fresh ? config.integer("num_kv_heads").value_or(n_heads)
                                           : one ? 1
                                                 : n_heads;
  out[arch + ".use_parallel_residual"] = fresh || config.boolean("parallel_attn").value_or(true);
}

void own_baichuan(const HfObject& config, const std::string&, Metadata&) {
  if (config.required("num_hidden_layers") >= 40 || !config.find("max_position_embeddings"))
    refuse_feature(config, "positions as a bias of attention (ALiBi, Baichuan 13B)");
  if (config.integer("vocab_size").value_or(0) == 125696)
    refuse_feature(config, "an output matrix of normalised rows (Baichuan 2)");
}

/// DeciLM 7B. Later ones (Nemotron NAS) describe each block.
void own_deci(const HfObject& config, const std::string&, Metadata&) {
  if (config.find("block_configs"))
    refuse_feature(config, "layers without attention, or with a matrix in its place");
}

void own_roformer(const HfObject& config, const std::string& arch, Metadata& out) {
  refuse_if(config, "is_decoder", "RoFormer as a decoder");
  const std::string norm = config.string("norm_type").value_or("layer_norm");
  if (norm != "layer_norm" && norm != "rms_norm") config.fail("norm_type", "layer_norm or rms_norm");
  out[arch + ".norm_type"] = norm;
  out[arch + ".token_embedding_length"] =
      config.integer("embedding_size").value_or(config.required("hidden_size"));
  out[arch + ".token_type_count"] = config.integer("type_vocab_size").value_or(2);
  out[arch + ".rotary_value"] = config.boolean("rotary_value").value_or(false);
  out[arch + ".attention.causal"] = false;
}

using W = HfWindow;

const HfFamily kFamilies[] = {
    {.model_type = "llama", .arch = "llama"},
    {.model_type = "mistral", .arch = "mistral", .n_kv_heads = 8, .window_kind = W::kAll, .window = 4096},
    {.model_type = "qwen2", .arch = "qwen2", .n_kv_heads = 32, .window_kind = W::kQwen, .window = 4096},
    {.model_type = "qwen3",
     .arch = "qwen3",
     .n_kv_heads = 32,
     .head_dim = 128,
     .window_kind = W::kQwen,
     .window = 4096},
    {.model_type = "gemma",
     .arch = "gemma",
     .n_kv_heads = 16,
     .head_dim = 256,
     .n_ctx = 8192,
     .tied = true,
     .activation = "gelu_pytorch_tanh",
     .norm_offset = 1,
     .own = own_gemma},
    {.model_type = "gemma2",
     .arch = "gemma2",
     .n_kv_heads = 4,
     .head_dim = 256,
     .n_ctx = 8192,
     .tied = true,
     .activation = "gelu_pytorch_tanh",
     .window_kind = W::kByType,
     .window = 4096,
     .period = 2,
     .norm_offset = 1,
     .own = own_gemma2},
    {.model_type = "gemma3_text",
     .arch = "gemma3",
     .n_heads = 8,
     .n_kv_heads = 4,
     .head_dim = 256,
     .n_ctx = 131072,
     .rope_theta = 1e6,
     .tied = true,
     .activation = "gelu_pytorch_tanh",
     .window_kind = W::kByType,
     .window = 4096,
     .period = 6,
     .rope_by_layer = true,
     .norm_offset = 1,
     .own = own_gemma3},
    {.model_type = "phi",
     .arch = "phi2",
     .n_ctx = 2048,
     .rotated = 0.5,
     .layer_norm = true,
     .eps = 1e-5,
     .activation = "gelu_new",
     .own = own_phi},
    {.model_type = "phi3", .arch = "phi3", .eps = 1e-5, .window_kind = W::kAll, .own = own_phi3},
    {.model_type = "qwen2_vl_text", .arch = "qwen2vl", .window_kind = W::kQwen, .window = 4096},
    {.model_type = "qwen2_5_vl_text", .arch = "qwen2vl", .window_kind = W::kQwen, .window = 4096},
    {.model_type = "qwen3_vl_text", .arch = "qwen3vl", .n_kv_heads = 32, .head_dim = 128},
    {.model_type = "ministral3",
     .arch = "mistral3",
     .n_kv_heads = 8,
     .head_dim = 128,
     .n_ctx = 262144,
     .eps = 1e-5,
     .window_kind = W::kAll,
     .own = own_ministral3},
    {.model_type = "granite", .arch = "granite", .own = own_granite},
    {.model_type = "olmo2", .arch = "olmo2", .eps = 1e-5},
    {.model_type = "olmo3",
     .arch = "olmo2",
     .rope_theta = 500000,
     .eps = 1e-5,
     .window_kind = W::kByType,
     .window = 4096,
     .period = 4,
     .rope_by_layer = true},
    {.model_type = "smollm3",
     .arch = "smollm3",
     .n_kv_heads = 4,
     .n_ctx = 32768,
     .rope_theta = 2e6,
     .tied = true,
     .own = own_smollm3},
    {.model_type = "glm",
     .arch = "chatglm",
     .n_kv_heads = 2,
     .head_dim = 128,
     .n_ctx = 131072,
     .rotated = 0.5,
     .eps = 0.00000015625,
     .interleaved_qk = true},
    {.model_type = "glm4",
     .arch = "glm4",
     .n_kv_heads = 2,
     .head_dim = 128,
     .n_ctx = 131072,
     .rotated = 0.5,
     .eps = 0.00000015625,
     .interleaved_qk = true},
    {.model_type = "seed_oss", .arch = "seed_oss", .n_kv_heads = 8, .head_dim = 128, .n_ctx = 524288},
    {.model_type = "ernie4_5",
     .arch = "ernie4_5",
     .n_kv_heads = 2,
     .head_dim = 128,
     .n_ctx = 131072,
     .rope_theta = 500000,
     .eps = 1e-5,
     .tied = true,
     .interleaved_qk = true},
    {.model_type = "hunyuan_v1_dense", .arch = "hunyuan-dense", .eps = 1e-5},
    {.model_type = "exaone4",
     .arch = "exaone4",
     .n_kv_heads = 32,
     .eps = 1e-5,
     .window_kind = W::kByType,
     .window = 4096,
     .period = 4},
    {.model_type = "cohere",
     .arch = "command-r",
     .n_ctx = 8192,
     .rope_theta = 500000,
     .layer_norm = true,
     .eps = 1e-5,
     .tied = true,
     .interleaved_qk = true,
     .own = own_cohere},
    {.model_type = "cohere2",
     .arch = "cohere2",
     .n_ctx = 8192,
     .layer_norm = true,
     .eps = 1e-5,
     .tied = true,
     .window_kind = W::kByType,
     .window = 4096,
     .period = 4,
     .interleaved_qk = true,
     .own = own_cohere},
    {.model_type = "gpt_neox",
     .arch = "gptneox",
     .n_ctx = 2048,
     .rotated = 0.25,
     .layer_norm = true,
     .eps = 1e-5,
     .activation = "gelu",
     .qkv_by_group = true,
     .own = own_neox},
    {.model_type = "falcon",
     .arch = "falcon",
     .n_ctx = 2048,
     .layer_norm = true,
     .eps = 1e-5,
     .tied = true,
     .activation = "gelu",
     .qkv_by_group = true,
     .own = own_falcon},
    {.model_type = "starcoder2",
     .arch = "starcoder2",
     .n_kv_heads = 2,
     .n_ctx = 4096,
     .layer_norm = true,
     .eps = 1e-5,
     .tied = true,
     .activation = "gelu_pytorch_tanh",
     .window_kind = W::kAll},
    {.model_type = "stablelm",
     .arch = "stablelm",
     .n_ctx = 4096,
     .rotated = 0.25,
     .layer_norm = true,
     .eps = 1e-5,
     .own = own_stablelm},
    {.model_type = "arcee", .arch = "arcee", .eps = 1e-5, .activation = "relu2"},
    {.model_type = "nemotron",
     .arch = "nemotron",
     .n_ctx = 4096,
     .rotated = 0.5,
     .layer_norm = true,
     .eps = 1e-5,
     .activation = "relu2",
     .norm_offset = 1},
    {.model_type = "minicpm", .arch = "minicpm", .tied = true, .own = own_minicpm},
    {.model_type = "deci", .arch = "deci", .own = own_deci},
    {.model_type = "internlm2", .arch = "internlm2", .qkv_by_group = true},
    {.model_type = "baichuan", .arch = "baichuan", .n_ctx = 4096, .own = own_baichuan},
    {.model_type = "roformer",
     .arch = "roformer",
     .n_ctx = 1536,
     .layer_norm = true,
     .eps = 1e-12,
     .tied = true,
     .activation = "gelu",
     .interleaved_qk = true,
     .own = own_roformer},
};

/// The model_type of the text part: older folders of Qwen's have no text_config, or one without a name.
std::string text_model_type(const JsonInput& config, const std::string& place) {
  const HfObject whole{config, place};
  const HfObject text{hf_text_config(config, place), place};
  const std::string outer = whole.string("model_type").value_or("");
  const std::string name = text.string("model_type").value_or(outer);
  if (name == "qwen2_vl" || name == "qwen2_5_vl" || name == "qwen3_vl") return name + "_text";
  if (name == "exaone4_5" || name == "exaone4_5_text") return "exaone4";
  return name == "gemma3" ? "gemma3_text" : name;
}

}  // namespace

const JsonInput& hf_text_config(const JsonInput& config, const std::string& place) {
  const JsonInput* text = HfObject{config, place}.object("text_config");
  return text ? *text : config;
}

const HfFamily* find_hf_family(const JsonInput& config, const std::string& place) {
  const std::string name = text_model_type(config, place);
  const auto found = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                  [&](const HfFamily& family) { return name == family.model_type; });
  return found == std::end(kFamilies) ? nullptr : found;
}

std::vector<std::string> hf_model_types(std::string_view arch) {
  std::vector<std::string> names;
  for (const HfFamily& family : kFamilies) {
    if (arch != family.arch) continue;
    const std::string_view name = family.model_type;
    names.emplace_back(name);
    if (constexpr std::string_view kText = "_text"; name.ends_with(kText))
      names.emplace_back(name.substr(0, name.size() - kText.size()));
  }
  if (arch == "mistral3") names.emplace_back("mistral3");  // its text part is a mistral or a ministral3
  if (arch == "exaone4") names.emplace_back("exaone4_5");  // its text part is an exaone4
  return names;
}

}  // namespace ropewalk
