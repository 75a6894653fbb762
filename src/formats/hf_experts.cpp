// SPDX-License-Identifier: Apache-2.0
/// Reference: the configuration and modelling files of transformers 5.24.
#include "formats/hf_experts.h"

#include <algorithm>
#include <initializer_list>

namespace rw {
namespace {

constexpr std::int64_t kSigmoid = 2;  // llama.cpp's number

/// A number, or one of a list that has it for each layer, all the same. Errors: Error where they differ.
std::int64_t one_number(const HfObject& config, const char* key) {
  const JsonInput* value = config.find(key);
  if (value == nullptr || !value->is_array()) return config.required(key);
  const auto list = config.numbers(key);
  if (list->empty() || list->front() != std::floor(list->front()) || std::abs(list->front()) > 1e9)
    config.fail(key, "a list of whole numbers");
  if (static_cast<std::int64_t>(list->size()) != config.required("num_hidden_layers"))
    config.fail(key, "with one number for each layer");
  for (const double each : *list)
    if (each != list->front()) config.fail(key, "the same in every layer");
  return static_cast<std::int64_t>(list->front());
}

/// transformers maps some of these names to others, and writes either.
const char* first_there(const HfObject& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (config.find(key)) return key;
  return *keys.begin();
}

void put_experts(const HfObject& config, const std::string& arch, Metadata& out, const char* d_ff) {
  out[arch + ".expert_count"] = one_number(
      config,
      first_there(config, {"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"}));
  out[arch + ".expert_used_count"] =
      one_number(config, first_there(config, {"num_experts_per_tok", "moe_k", "moe_topk"}));
  // intermediate_size is feed_forward_length already
  if (std::string_view(d_ff) != "intermediate_size")
    out[arch + ".expert_feed_forward_length"] = one_number(config, d_ff);
}

void put_shared(const std::string& arch, Metadata& out, std::int64_t d_ff) {
  if (d_ff != 0) out[arch + ".expert_shared_feed_forward_length"] = d_ff;
}

/// `n` parts of `each`, side by side. Errors: Error where there can be none so wide.
std::int64_t width_of(const HfObject& config, const char* key, std::int64_t n, std::int64_t each) {
  if (n < 0 || n > 64 || each < 0 || each > (1 << 22)) config.fail(key, "from 0 to 64");
  return n * each;
}

}  // namespace

void experts_of_qwen2(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  put_shared(arch, out, config.required("shared_expert_intermediate_size"));
  out[arch + ".expert_weights_norm"] = config.boolean("norm_topk_prob").value_or(false);
}

void experts_of_qwen3(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  // Qwen3-VL's router always does.
  out[arch + ".expert_weights_norm"] =
      arch == "qwen3vlmoe" || config.boolean("norm_topk_prob").value_or(false);
}

void experts_of_mixtral(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "intermediate_size");
  out[arch + ".expert_weights_norm"] = true;
}

/// A softmax over the chosen, which is that over all, renormalised.
void experts_of_granite(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "intermediate_size");
  put_shared(arch, out, config.integer("shared_intermediate_size").value_or(0));
  out[arch + ".expert_weights_norm"] = true;
}

void experts_of_olmoe(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "intermediate_size");
  out[arch + ".expert_weights_norm"] = config.boolean("norm_topk_prob").value_or(false);
}

void experts_of_glm4(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  out[arch + ".expert_shared_count"] = config.integer("n_shared_experts").value_or(1);
  out[arch + ".expert_gating_func"] = kSigmoid;
  out[arch + ".expert_weights_norm"] = config.boolean("norm_topk_prob").value_or(true);
  out[arch + ".expert_weights_scale"] = config.number("routed_scaling_factor").value_or(1);
  out[arch + ".expert_group_count"] = config.integer("n_group").value_or(1);
  out[arch + ".expert_group_used_count"] = config.integer("topk_group").value_or(1);
  out[arch + ".leading_dense_block_count"] = config.integer("first_k_dense_replace").value_or(1);
}

/// Errors: Error where the chosen are not renormalised as transformers does: never.
void experts_of_deepseek_v2(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  const std::string method = config.string("topk_method").value_or("greedy");
  if (method != "greedy" && method != "group_limited_greedy")
    config.fail("topk_method", "greedy or group_limited_greedy");
  if (config.string("scoring_func").value_or("softmax") != "softmax") config.fail("scoring_func", "softmax");
  if (config.boolean("norm_topk_prob").value_or(false))
    config.fail("norm_topk_prob", "false, in this family");
  out[arch + ".expert_shared_count"] = config.integer("n_shared_experts").value_or(2);
  out[arch + ".expert_weights_norm"] = false;
  out[arch + ".expert_weights_scale"] = config.number("routed_scaling_factor").value_or(1);
  if (method == "group_limited_greedy") {
    out[arch + ".expert_group_count"] = config.required("n_group");
    out[arch + ".expert_group_used_count"] = config.required("topk_group");
  }
  out[arch + ".leading_dense_block_count"] = config.integer("first_k_dense_replace").value_or(0);
}

void experts_of_deepseek_v3(const HfObject& config, const std::string& arch, Metadata& out) {
  experts_of_glm4(config, arch, out);
  if (config.string("scoring_func").value_or("sigmoid") != "sigmoid") config.fail("scoring_func", "sigmoid");
  out[arch + ".expert_weights_scale"] = config.number("routed_scaling_factor").value_or(2.5);
  out[arch + ".expert_group_count"] = config.integer("n_group").value_or(8);
  out[arch + ".expert_group_used_count"] = config.integer("topk_group").value_or(4);
  out[arch + ".leading_dense_block_count"] = config.integer("first_k_dense_replace").value_or(3);
}

/// Which layers are dense is a list in newer folders.
void experts_of_glm4_lite(const HfObject& config, const std::string& arch, Metadata& out) {
  experts_of_glm4(config, arch, out);
  out[arch + ".expert_weights_scale"] = config.number("routed_scaling_factor").value_or(1.8);
  const JsonInput* kinds = config.find("mlp_layer_types");
  if (kinds == nullptr || !kinds->is_array()) return;
  const auto first = std::find(kinds->begin(), kinds->end(), "sparse");
  out[arch + ".leading_dense_block_count"] = static_cast<std::int64_t>(first - kinds->begin());
}

void experts_of_ernie(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  put_shared(arch, out,
             width_of(config, "moe_num_shared_experts", config.integer("moe_num_shared_experts").value_or(2),
                      one_number(config, "moe_intermediate_size")));
  out[arch + ".expert_weights_norm"] = true;
  out[arch + ".leading_dense_block_count"] = config.integer("moe_layer_start_index").value_or(1);
  out[arch + ".interleave_moe_layer_step"] = config.integer("moe_layer_interval").value_or(1);
}

void experts_of_hunyuan(const HfObject& config, const std::string& arch, Metadata& out) {
  // Published folders have moe_intermediate_size and num_shared_expert as lists; transformers' class neither.
  const char* d_ff = config.find("moe_intermediate_size") ? "moe_intermediate_size" : "intermediate_size";
  put_experts(config, arch, out, d_ff);
  const std::int64_t n = config.find("num_shared_expert") ? one_number(config, "num_shared_expert") : 1;
  put_shared(arch, out, width_of(config, "num_shared_expert", n, one_number(config, d_ff)));
  out[arch + ".expert_feed_forward_length"] = one_number(config, d_ff);
  out[arch + ".expert_weights_norm"] = true;
}

void experts_of_minimax(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "intermediate_size");
  out[arch + ".expert_feed_forward_length"] = one_number(config, "intermediate_size");
  out[arch + ".expert_gating_func"] = kSigmoid;
  out[arch + ".expert_weights_norm"] = true;
  if (config.integer("shared_intermediate_size").value_or(0) != 0)
    config.fail("shared_intermediate_size", "0: its experts share nothing");
}

/// Qwen3-Next's; Qwen3.5's router always renormalises.
void experts_of_qwen3_next(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  put_shared(arch, out, config.integer("shared_expert_intermediate_size").value_or(512));
  out[arch + ".expert_weights_norm"] = arch != "qwen3next" || config.boolean("norm_topk_prob").value_or(true);
}

void experts_of_lfm2(const HfObject& config, const std::string& arch, Metadata& out) {
  put_experts(config, arch, out, "moe_intermediate_size");
  out[arch + ".expert_gating_func"] = kSigmoid;
  out[arch + ".expert_weights_norm"] = config.boolean("norm_topk_prob").value_or(true);
  out[arch + ".expert_weights_scale"] = config.number("routed_scaling_factor").value_or(1);
  out[arch + ".leading_dense_block_count"] = config.integer("num_dense_layers").value_or(2);
}

void experts_of_granite_hybrid(const HfObject& config, const std::string& arch, Metadata& out) {
  if (config.integer("num_local_experts").value_or(8) > 0) experts_of_granite(config, arch, out);
}

bool nemotron_has_experts(const HfObject& config) {
  const JsonInput* kinds = config.find("layers_block_type");
  return config.string("hybrid_override_pattern").value_or("").find('E') != std::string::npos ||
         (kinds && kinds->is_array() && std::find(kinds->begin(), kinds->end(), "moe") != kinds->end());
}

/// The class has numbers of experts by default, whether or not a layer is of that kind.
void experts_of_nemotron_h(const HfObject& config, const std::string& arch, Metadata& out) {
  if (!nemotron_has_experts(config)) return;
  put_experts(config, arch, out, "moe_intermediate_size");
  const std::int64_t n_shared = config.integer("n_shared_experts").value_or(1);
  if (n_shared < 0 || n_shared > 64) config.fail("n_shared_experts", "from 0 to 64");
  // One part of this width, however many it is said to be of.
  put_shared(arch, out, n_shared > 0 ? one_number(config, "moe_shared_expert_intermediate_size") : 0);
  out[arch + ".expert_shared_count"] = n_shared;
  out[arch + ".expert_gating_func"] = kSigmoid;
  out[arch + ".expert_weights_norm"] = config.boolean("norm_topk_prob").value_or(true);
  out[arch + ".expert_weights_scale"] = config.number("routed_scaling_factor").value_or(1);
  out[arch + ".expert_group_count"] = config.integer("n_group").value_or(1);
  out[arch + ".expert_group_used_count"] = config.integer("topk_group").value_or(1);
}

}  // namespace rw
