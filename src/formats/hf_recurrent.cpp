// SPDX-License-Identifier: Apache-2.0
/// Families with layers that keep a state. Reference: the configuration and modelling files of transformers
/// 5.24. Which layers are of which kind is told by their tensors.
#include <cmath>

#include "formats/hf_own.h"

namespace rw {
namespace {

/// A whole number from 1 to 2^20. Errors: Error.
std::int64_t size_of(const HfObject& config, const char* key, std::int64_t class_default) {
  const std::int64_t value = config.integer(key).value_or(class_default);
  if (value < 1 || value > (1 << 20)) config.fail(key, "from 1 to 2^20");
  return value;
}

void refuse_true(const HfObject& config, const char* key, const char* what) {
  if (config.boolean(key).value_or(false))
    throw Error(config.place, "a model that this engine computes",
                fmt::format("{}, which it does not compute", what));
}

void put_ssm(const std::string& arch, Metadata& out, std::int64_t taps, std::int64_t state,
             std::int64_t heads, std::int64_t groups, std::int64_t inner) {
  out[arch + ".ssm.conv_kernel"] = taps;
  out[arch + ".ssm.state_size"] = state;
  out[arch + ".ssm.time_step_rank"] = heads;
  out[arch + ".ssm.group_count"] = groups;
  out[arch + ".ssm.inner_size"] = inner;
}

/// The least and the greatest step of time_step_limit (once mamba_dt_limit), where it says something.
void put_limits(const HfObject& config, Metadata& out) {
  const JsonInput* limit = config.find(config.find("mamba_dt_limit") ? "mamba_dt_limit" : "time_step_limit");
  if (limit == nullptr) return;
  if (!limit->is_array() || limit->size() != 2) config.fail("time_step_limit", "a list of two numbers");
  for (const auto& [which, key] :
       {std::pair{0, "ropewalk.least_step"}, std::pair{1, "ropewalk.greatest_step"}}) {
    const JsonInput& value = (*limit)[static_cast<std::size_t>(which)];
    if (value.is_number() && std::isfinite(value.get<double>())) out[key] = value.get<double>();
  }
}

}  // namespace

void own_qwen3_next(const HfObject& config, const std::string& arch, Metadata& out) {
  const std::int64_t heads = size_of(config, "linear_num_value_heads", 32);
  put_ssm(arch, out, size_of(config, "linear_conv_kernel_dim", 4),
          size_of(config, "linear_key_head_dim", 128), heads, size_of(config, "linear_num_key_heads", 16),
          heads * size_of(config, "linear_value_head_dim", 128));
  out["ropewalk.value_heads_by_group"] = true;
}

/// Its width of the feed-forward part is what the class makes of intermediate_size (or block_ff_dim).
void own_lfm2(const HfObject& config, const std::string& arch, Metadata& out) {
  refuse_true(config, "conv_bias", "biases of convolutions in LFM2");
  out[arch + ".shortconv.l_cache"] = size_of(config, "conv_L_cache", 3);
  out[arch + ".attention.layer_norm_rms_epsilon"] = config.number("norm_eps").value_or(1e-5);
  if (arch != "lfm2") return;
  double d_ff = static_cast<double>(
      config.integer("block_ff_dim").value_or(size_of(config, "intermediate_size", 12288)));
  if (config.boolean("block_auto_adjust_ff_dim").value_or(true)) {
    d_ff = std::floor(2 * d_ff / 3);
    const auto multiple = static_cast<double>(size_of(config, "block_multiple_of", 256));
    d_ff = std::floor(config.number("block_ffn_dim_multiplier").value_or(1) * d_ff);
    d_ff = multiple * std::ceil(d_ff / multiple);
  }
  if (!(d_ff >= 1 && d_ff <= (1 << 22))) config.fail("intermediate_size", "up to 2^22");
  out[arch + ".feed_forward_length"] = static_cast<std::int64_t>(d_ff);
}

void own_granite_hybrid(const HfObject& config, const std::string& arch, Metadata& out) {
  own_granite(config, arch, out);
  refuse_true(config, "mamba_proj_bias", "biases of Mamba's projections");
  const std::int64_t heads = size_of(config, "mamba_n_heads", 128);
  const std::int64_t inner = size_of(config, "mamba_expand", 2) * config.required("hidden_size");
  put_ssm(arch, out, size_of(config, "mamba_d_conv", 4), size_of(config, "mamba_d_state", 256), heads,
          size_of(config, "mamba_n_groups", 1), inner);
  put_limits(config, out);
  if (config.string("position_embedding_type").value_or("") != "rope")
    out[arch + ".rope.scaling.finetuned"] = false;  // no positions
  if (config.integer("num_local_experts").value_or(8) == 0)
    out[arch + ".feed_forward_length"] = size_of(config, "shared_intermediate_size", 1024);
}

void own_nemotron_h(const HfObject& config, const std::string& arch, Metadata& out) {
  for (const char* key : {"use_bias", "mamba_proj_bias", "mlp_bias"})
    refuse_true(config, key, "biases of projections in Nemotron-H");
  if (config.find("moe_latent_size"))
    throw Error(config.place, "a model that this engine computes",
                "experts of a latent part, which it does not compute");
  if (config.string("mlp_hidden_act").value_or("relu2") != "relu2") config.fail("mlp_hidden_act", "relu2");
  // The class has older names for some, which win where both are there.
  const auto named = [&](const char* older, const char* name) { return config.find(older) ? older : name; };
  const std::int64_t heads = size_of(config, "mamba_num_heads", 128);
  put_ssm(arch, out, size_of(config, named("mamba_d_conv", "conv_kernel"), 4),
          size_of(config, "ssm_state_size", 128), heads,
          size_of(config, named("mamba_n_groups", "n_groups"), 8),
          heads * size_of(config, "mamba_head_dim", 64));
  // time_step_min is of how steps are initialised. transformers 5.24 clamps by it in reading and not in
  // writing; the model's own code, mlx-lm and llama.cpp nowhere.
  put_limits(config, out);
  out[arch + ".attention.layer_norm_rms_epsilon"] = config.number("layer_norm_epsilon").value_or(1e-5);
}

}  // namespace rw
