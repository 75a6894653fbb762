// SPDX-License-Identifier: Apache-2.0
/// Tensor names of Hugging Face folders, translated to GGUF's.
#include <algorithm>
#include <array>

#include "formats/hf_folder.h"

namespace rw {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

/// What stands before the names of the language model, longest first.
constexpr std::string_view kPrefixes[] = {"model.language_model.",
                                          "language_model.model.",
                                          "language_model.",
                                          "gpt_neox.",
                                          "transformer.",
                                          "roformer.",
                                          "backbone.",
                                          "model."};

/// Outside the layers.
constexpr Names kOutside[] = {
    {"embed_tokens", "token_embd"},
    {"norm", "output_norm"},
    {"lm_head", "output"},
    {"final_layernorm", "output_norm"},                  // Phi
    {"embed_in", "token_embd"},                          // GPT-NeoX
    {"final_layer_norm", "output_norm"},                 //
    {"embed_out", "output"},                             //
    {"word_embeddings", "token_embd"},                   // Falcon
    {"ln_f", "output_norm"},                             //
    {"tok_embeddings", "token_embd"},                    // InternLM2
    {"output", "output"},                                //
    {"embedding_norm", "output_norm"},                   // LFM2
    {"embeddings", "token_embd"},                        // Nemotron-H
    {"norm_f", "output_norm"},                           //
    {"embed_tokens_per_layer", "per_layer_token_embd"},  // Gemma 4
    {"per_layer_model_projection", "per_layer_model_proj"},
    {"per_layer_projection_norm", "per_layer_proj_norm"},
    {"embeddings.word_embeddings", "token_embd"},  // RoFormer
    {"embeddings.token_type_embeddings", "token_types"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"embeddings_project", "token_embd_project"},
    {"cls.predictions.transform.dense", "output_transform"},
    {"cls.predictions.transform.LayerNorm", "output_transform_norm"},
    {"cls.predictions.decoder", "output"},
    {"cls.predictions", "output"},
};

/// In a layer.
constexpr Names kInside[] = {
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"input_layernorm", "attn_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},            // Gemma 2 and 3
    {"post_feedforward_layernorm", "post_ffw_norm"},      // and OLMo 2, EXAONE 4
    {"post_self_attn_layernorm", "post_attention_norm"},  // GLM-4
    {"post_mlp_layernorm", "post_ffw_norm"},              //
    {"self_attn.qkv_proj", "attn_qkv"},                   // Phi-3
    {"mlp.gate_up_proj", "ffn_up"},                       // and GLM-4
    {"self_attn.dense", "attn_output"},                   // Phi
    {"mlp.fc1", "ffn_up"},                                //
    {"mlp.fc2", "ffn_down"},                              //
    {"mlp.c_fc", "ffn_up"},                               // StarCoder2
    {"mlp.c_proj", "ffn_down"},                           //
    {"self_attn.query_layernorm", "attn_q_norm"},         // Hunyuan
    {"self_attn.key_layernorm", "attn_k_norm"},           //
    {"self_attn.W_pack", "attn_qkv"},                     // Baichuan
    {"attention.query_key_value", "attn_qkv"},            // GPT-NeoX
    {"attention.dense", "attn_output"},                   //
    {"mlp.dense_h_to_4h", "ffn_up"},                      // and Falcon
    {"mlp.dense_4h_to_h", "ffn_down"},                    //
    {"self_attention.query_key_value", "attn_qkv"},       // Falcon
    {"self_attention.dense", "attn_output"},              //
    {"ln_mlp", "attn_norm"},                              //
    {"ln_attn", "attn_norm_2"},                           //
    {"attention.wqkv", "attn_qkv"},                       // InternLM2
    {"attention.wo", "attn_output"},                      //
    {"feed_forward.w1", "ffn_gate"},                      //
    {"feed_forward.w3", "ffn_up"},                        //
    {"feed_forward.w2", "ffn_down"},                      //
    {"attention_norm", "attn_norm"},                      //
    {"ffn_norm", "ffn_norm"},                             //
    {"attention.self.query", "attn_q"},                   // RoFormer
    {"attention.self.key", "attn_k"},                     //
    {"attention.self.value", "attn_v"},                   //
    {"attention.output.dense", "attn_output"},            //
    {"attention.output.LayerNorm", "attn_output_norm"},   //
    {"intermediate.dense", "ffn_up"},                     //
    {"output.dense", "ffn_down"},                         //
    {"output.LayerNorm", "layer_output_norm"},            //
    {"mlp.gate", "ffn_gate_inp"},                         // experts: Qwen, OLMoE, GLM-4.5, ERNIE
    {"mlp.gate.wg", "ffn_gate_inp"},                      // Hunyuan
    {"block_sparse_moe.gate", "ffn_gate_inp"},            // Mixtral, MiniMax-M2
    {"block_sparse_moe.router.layer", "ffn_gate_inp"},    // Granite
    {"block_sparse_moe.input_linear", "ffn_gate_up_exps"},
    {"block_sparse_moe.output_linear", "ffn_down_exps"},
    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},    // Qwen2
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},   //
    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},       //
    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},   //
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},  // GLM-4.5, ERNIE
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},      //
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"},  //
    {"mlp.shared_mlp.gate_proj", "ffn_gate_shexp"},      // Hunyuan
    {"mlp.shared_mlp.up_proj", "ffn_up_shexp"},          //
    {"mlp.shared_mlp.down_proj", "ffn_down_shexp"},      //
    {"shared_mlp.input_linear", "ffn_up_shexp"},         // Granite: gate and up
    {"shared_mlp.output_linear", "ffn_down_shexp"},      //
    {"linear_attn.in_proj_qkv", "attn_qkv"},             // Qwen3.5
    {"linear_attn.in_proj_z", "attn_gate"},              //
    {"linear_attn.in_proj_b", "ssm_beta"},               //
    {"linear_attn.in_proj_a", "ssm_alpha"},              //
    {"linear_attn.in_proj_qkvz", "ssm_in"},              // Qwen3-Next
    {"linear_attn.in_proj_ba", "ssm_ba"},                //
    {"linear_attn.conv1d", "ssm_conv1d"},                // and Qwen3.5
    {"linear_attn.norm", "ssm_norm"},                    //
    {"linear_attn.out_proj", "ssm_out"},                 //
    {"conv.in_proj", "shortconv.in_proj"},               // LFM2
    {"conv.conv", "shortconv.conv"},                     //
    {"conv.out_proj", "shortconv.out_proj"},             //
    {"operator_norm", "attn_norm"},                      //
    {"self_attn.out_proj", "attn_output"},               //
    {"self_attn.q_layernorm", "attn_q_norm"},            //
    {"self_attn.k_layernorm", "attn_k_norm"},            //
    {"feed_forward.gate", "ffn_gate_inp"},               //
    {"mamba.in_proj", "ssm_in"},                         // Granite 4.0-h
    {"mamba.conv1d", "ssm_conv1d"},                      //
    {"mamba.norm", "ssm_norm"},                          //
    {"mamba.out_proj", "ssm_out"},                       //
    {"mixer.in_proj", "ssm_in"},                         // Nemotron-H: each layer has one part
    {"mixer.conv1d", "ssm_conv1d"},                      //
    {"mixer.norm", "ssm_norm"},                          //
    {"mixer.out_proj", "ssm_out"},                       //
    {"mixer.q_proj", "attn_q"},                          //
    {"mixer.k_proj", "attn_k"},                          //
    {"mixer.v_proj", "attn_v"},                          //
    {"mixer.o_proj", "attn_output"},                     //
    {"mixer.up_proj", "ffn_up"},                         //
    {"mixer.down_proj", "ffn_down"},                     //
    {"mixer.gate", "ffn_gate_inp"},                      //
    {"mixer.shared_experts.up_proj", "ffn_up_shexp"},    //
    {"mixer.shared_experts.down_proj", "ffn_down_shexp"},
    {"per_layer_input_gate", "inp_gate"},  // Gemma 4
    {"per_layer_projection", "proj"},
    {"post_per_layer_input_norm", "post_norm"},
    {"router.proj", "ffn_gate_inp"},
    {"post_feedforward_layernorm_1", "post_ffw_norm_1"},
    {"post_feedforward_layernorm_2", "post_ffw_norm_2"},
    {"pre_feedforward_layernorm_2", "pre_ffw_norm_2"},
    {"self_attn.q_a_proj", "attn_q_a"},            // DeepSeek
    {"self_attn.q_a_layernorm", "attn_q_a_norm"},  //
    {"self_attn.q_b_proj", "attn_q_b"},            //
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},  //
    {"self_attn.kv_b_proj", "attn_kv_b"},            //
    {"norm", "attn_norm"},                           //
    {"eh_proj", "nextn.eh_proj"},                    // blocks that predict further tokens
    {"enorm", "nextn.enorm"},                        //
    {"hnorm", "nextn.hnorm"},                        //
    {"embed_tokens", "nextn.embed_tokens"},          //
    {"shared_head.head", "nextn.shared_head_head"},  //
    {"shared_head.norm", "nextn.shared_head_norm"},  //
};

/// Where post_attention_layernorm is not the norm before the feed-forward part, or GGUF calls that so.
constexpr std::string_view kAfterAttention[] = {"gemma2",   "gemma3",  "gemma4", "olmo2",     "exaone4",
                                                "seed_oss", "glm4moe", "qwen35", "qwen35moe", "qwen3next"};

template <std::size_t n>
std::string_view look_up(const Names (&names)[n], std::string_view name) {
  const auto found =
      std::find_if(std::begin(names), std::end(names), [&](const Names& pair) { return pair.first == name; });
  return found == std::end(names) ? std::string_view() : found->second;
}

/// StableLM has a tensor for each head's norm: "self_attn.q_layernorm.norms.3" is "attn_q_norm.3".
std::string norm_of_head(std::string_view part) {
  for (const auto& [from, to] : {Names{"self_attn.q_layernorm.norms.", "attn_q_norm."},
                                 {"self_attn.k_layernorm.norms.", "attn_k_norm."}})
    if (part.starts_with(from)) return fmt::format("{}{}", to, part.substr(from.size()));
  return "";
}

/// Matrices of one expert: "mlp.experts.7.up_proj" and "block_sparse_moe.experts.7.w3" are "ffn_up.7", as old
/// GGUFs have them.
std::string matrix_of_expert(std::string_view part) {
  for (const std::string_view experts :
       {"mlp.experts.", "block_sparse_moe.experts.", "feed_forward.experts.", "mixer.experts.", "experts."}) {
    if (!part.starts_with(experts)) continue;
    part.remove_prefix(experts.size());
    const std::size_t dot = part.find('.');
    if (dot == std::string_view::npos) return "";
    for (const auto& [from, to] : {Names{"gate_proj", "ffn_gate"},
                                   {"up_proj", "ffn_up"},
                                   {"down_proj", "ffn_down"},
                                   {"w1", "ffn_gate"},
                                   {"w3", "ffn_up"},
                                   {"w2", "ffn_down"}})
      if (part.substr(dot + 1) == from) return fmt::format("{}.{}", to, part.substr(0, dot));
    return "";
  }
  return "";
}

std::string name_inside(std::string_view layer, std::string_view part, std::string_view kind,
                        std::string_view arch) {
  // Not a ".weight": the bias of the choice, and stacks that are parameters themselves.
  if (kind == ".e_score_correction_bias" || kind == ".expert_bias")
    return fmt::format("blk.{}.exp_probs_b.bias", layer);
  if (kind == ".A_log") return fmt::format("blk.{}.ssm_a_log", layer);
  if (kind == ".dt_bias") return fmt::format("blk.{}.ssm_dt.bias", layer);
  if (part == "router" && kind == ".scale") return fmt::format("blk.{}.ffn_gate_inp.scale", layer);
  if (part == "router" && kind == ".per_expert_scale")
    return fmt::format("blk.{}.ffn_down_exps.scale", layer);
  if (kind == ".D") return fmt::format("blk.{}.ssm_d", layer);
  if ((part == "mlp.experts" || part == "feed_forward.experts" || part == "experts") &&
      (kind == ".gate_up_proj" || kind == ".down_proj"))
    return fmt::format("blk.{}.{}.weight", layer,
                       kind == ".down_proj" ? "ffn_down_exps" : "ffn_gate_up_exps");
  if (part == "mixer.experts" && (kind == ".up_proj" || kind == ".down_proj"))
    return fmt::format("blk.{}.ffn_{}_exps.weight", layer, kind == ".up_proj" ? "up" : "down");
  std::string name(look_up(kInside, part));
  if (name.empty()) name = norm_of_head(part);
  if (name.empty()) name = matrix_of_expert(part);
  if (part == "post_attention_layernorm" &&
      std::find(std::begin(kAfterAttention), std::end(kAfterAttention), arch) != std::end(kAfterAttention))
    name = "post_attention_norm";
  return name.empty() ? "" : fmt::format("blk.{}.{}{}", layer, name, kind);
}

}  // namespace

std::string translate_tensor_name(std::string_view name, std::string_view arch) {
  std::string_view rest = name;
  for (const std::string_view prefix : kPrefixes)
    if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      break;
    }
  const std::size_t last = rest.rfind('.');
  if (last == std::string_view::npos) return std::string(name);
  const std::string_view kind = rest.substr(last);
  rest = rest.substr(0, last);
  for (const std::string_view layers : {"layers.", "h.", "encoder.layer."}) {
    if (!rest.starts_with(layers)) continue;
    const std::size_t dot = rest.find('.', layers.size());
    if (dot == std::string_view::npos && kind == ".layer_scalar")  // a number of the layer itself
      return fmt::format("blk.{}.layer_output_scale.weight", rest.substr(layers.size()));
    if (dot == std::string_view::npos) break;
    const std::string found =
        name_inside(rest.substr(layers.size(), dot - layers.size()), rest.substr(dot + 1), kind, arch);
    return found.empty() ? std::string(name) : found;
  }
  const std::string_view found = look_up(kOutside, rest);
  return found.empty() ? std::string(name) : fmt::format("{}{}", found, kind);
}

std::string llama_tensor_name(std::string_view name) {
  // Llama's rows are the first of those that become one name.
  const auto named = [](std::span<const Names> names, std::string_view wanted) {
    const auto found =
        std::find_if(names.begin(), names.end(), [&](const Names& pair) { return pair.second == wanted; });
    return found == names.end() ? std::string_view() : found->first;
  };
  const std::size_t last = name.rfind('.');
  if (last == std::string_view::npos) return "";
  const std::string_view kind = name.substr(last), stem = name.substr(0, last);
  if (!stem.starts_with("blk.")) {
    const std::string_view found = named(std::span(kOutside).first(3), stem);
    return found.empty() ? "" : fmt::format("{}{}{}", found == "lm_head" ? "" : "model.", found, kind);
  }
  const std::size_t dot = stem.find('.', 4);
  if (dot == std::string_view::npos) return "";
  const std::string_view found = named(std::span(kInside).first(11), stem.substr(dot + 1));
  return found.empty() ? "" : fmt::format("model.layers.{}.{}{}", stem.substr(4, dot - 4), found, kind);
}

bool is_of_another_part(std::string_view name) {
  for (const std::string_view prefix :
       {"visual.", "model.visual.", "vision_tower.", "model.vision_tower.", "vision_model.",
        "multi_modal_projector.", "mm_projector.", "model.multi_modal_projector.", "mtp.",
        "model.audio_tower.", "model.embed_vision.", "model.embed_audio.", "model.vision_embedder.",
        "roformer.pooler.", "roformer.encoder.embed_positions."})
    if (name.starts_with(prefix)) return true;
  return false;
}

}  // namespace rw
