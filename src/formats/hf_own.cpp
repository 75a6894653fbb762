// SPDX-License-Identifier: Apache-2.0
/// Reference: as in hf_family.cpp.
#include "formats/hf_own.h"

#include "core/checked.h"

namespace rw {
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

}  // namespace

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

void own_olmoe(const HfObject& config, const std::string&, Metadata&) {
  if (config.number("clip_qkv").value_or(0) != 0)
    refuse_feature(config, "queries, keys and values that are cut");
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

}  // namespace rw
