// SPDX-License-Identifier: Apache-2.0
/// Gemma 4. Reference: models/gemma4 and models/gemma4_unified of transformers 5.24.
#include <charconv>
#include <set>

#include "formats/hf_experts.h"
#include "formats/hf_own.h"

namespace rw {
namespace {

using Numbers = std::vector<std::int64_t>;  // one for each layer

std::int64_t number_within(const HfObject& config, const char* key, std::int64_t class_default,
                           std::int64_t least, std::int64_t most) {
  const std::int64_t value = config.integer(key).value_or(class_default);
  if (value < least || value > most) config.fail(key, "in its range");
  return value;
}

/// Heads of layers that see far, as published: of one size, with key heads of their own where keys are
/// values.
void put_global_sizes(const HfObject& config, const Numbers& windowed, Numbers& head_dims,
                      Numbers& n_kv_heads) {
  const std::int64_t head_dim = number_within(config, "global_head_dim", 512, 2, 1024);
  const bool as_values = config.boolean("attention_k_eq_v").value_or(false);
  for (std::size_t l = 0; l < windowed.size(); ++l) {
    if (windowed[l] != 0) continue;
    head_dims[l] = head_dim;
    if (as_values)
      n_kv_heads[l] = number_within(config, "num_global_key_value_heads", n_kv_heads[l], 1, 4096);
  }
}

/// The same as transformers 5 writes it: {"5": {"head_dim": 512, "num_key_value_heads": 1}}.
void put_sizes_by_layer(const HfObject& config, const JsonInput& layers, Numbers& head_dims,
                        Numbers& n_kv_heads) {
  for (const auto& [name, sizes] : layers.items()) {
    std::size_t l = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), l);
    if (error != std::errc() || end != name.data() + name.size() || l >= head_dims.size() ||
        !sizes.is_object())
      config.fail("per_layer_config", "an object with sizes under numbers of layers");
    const HfObject own{sizes, config.place};
    for (const auto& [key, value] : sizes.items())
      if (key != "head_dim" && key != "num_key_value_heads")
        config.fail("per_layer_config", "with head_dim and num_key_value_heads alone");
    head_dims[l] = number_within(own, "head_dim", head_dims[l], 2, 1024);
    n_kv_heads[l] = number_within(own, "num_key_value_heads", n_kv_heads[l], 1, 4096);
  }
}

/// Of layers that see far: so many pairs turn. Errors: Error for another kind of rotation.
void put_rotation(const HfObject& config, const std::string& arch, const Numbers& windowed,
                  const Numbers& head_dims, Metadata& out) {
  double base = 1e6, local_base = 1e4, part = 0.25;
  if (const JsonInput* both = config.object("rope_parameters")) {
    const HfObject rope{*both, config.place};
    const JsonInput *global = rope.object("full_attention"), *local = rope.object("sliding_attention");
    if (global == nullptr || local == nullptr)
      config.fail("rope_parameters", "for full_attention and sliding_attention");
    const HfObject far{*global, config.place};
    if (far.string("rope_type") != "proportional" || far.number("factor").value_or(1) != 1)
      far.fail("rope_type", "proportional, without a factor");
    base = far.required_number("rope_theta");
    part = far.number("partial_rotary_factor").value_or(1);
    local_base = HfObject{*local, config.place}.required_number("rope_theta");
  }
  if (!(part > 0 && part <= 1)) config.fail("rope_parameters", "with a partial_rotary_factor in (0, 1]");
  out[arch + ".rope.freq_base"] = base;
  out[arch + ".rope.freq_base_swa"] = local_base;
  out[arch + ".rope.dimension_count"] = head_dims;
  for (const char* key : {".rope.scaling.type", ".rope.scaling.factor"}) out.erase(arch + key);
  std::set<std::int64_t> pairs;
  for (std::size_t l = 0; l < windowed.size(); ++l)
    if (windowed[l] == 0)
      pairs.insert(static_cast<std::int64_t>(part * static_cast<double>(head_dims[l]) / 2));
  if (pairs.size() > 1) config.fail("per_layer_config", "with one head_dim for all layers that see far");
  if (!pairs.empty()) out["ropewalk.rope_turning_pairs"] = *pairs.begin();
}

/// With use_double_wide_mlp, layers that read another's keys have a part twice as wide.
void put_widths(const HfObject& config, const std::string& arch, std::size_t n_layers, std::int64_t n_shared,
                Metadata& out) {
  if (!config.boolean("use_double_wide_mlp").value_or(false)) return;
  const std::int64_t d_ff = number_within(config, "intermediate_size", 9216, 1, 1 << 21);
  Numbers widths(n_layers, d_ff);
  for (std::size_t l = n_layers - static_cast<std::size_t>(n_shared); l < n_layers; ++l) widths[l] = 2 * d_ff;
  out[arch + ".feed_forward_length"] = std::move(widths);
}

}  // namespace

void own_gemma4(const HfObject& config, const std::string& arch, Metadata& out) {
  if (config.string("use_bidirectional_attention").value_or("vision") != "vision")
    config.fail("use_bidirectional_attention", "vision or null: rows of text see those before them");
  if (config.boolean("attention_bias").value_or(false)) config.fail("attention_bias", "false in this family");
  const auto pattern = out.find(arch + ".attention.sliding_window_pattern");
  if (pattern == out.end() || !std::holds_alternative<Numbers>(pattern->second))
    config.fail("sliding_window", "a number: some layers of this family have a window");
  auto& windowed = std::get<Numbers>(pattern->second);
  windowed.back() = 0;  // whatever layer_types says, as transformers
  const auto* one_dim = std::get_if<std::int64_t>(&out.at(arch + ".attention.key_length"));
  const auto* one_count = std::get_if<std::int64_t>(&out.at(arch + ".attention.head_count_kv"));
  if (one_dim == nullptr || one_count == nullptr)
    config.fail("head_dim", "and num_key_value_heads, one number each");
  Numbers head_dims(windowed.size(), *one_dim), n_kv_heads(windowed.size(), *one_count);
  if (const JsonInput* layers = config.object("per_layer_config"))
    put_sizes_by_layer(config, *layers, head_dims, n_kv_heads);
  else
    put_global_sizes(config, windowed, head_dims, n_kv_heads);
  put_rotation(config, arch, windowed, head_dims, out);
  out["ropewalk.value_is_key"] = config.boolean("attention_k_eq_v").value_or(false);
  const std::int64_t n_shared =
      number_within(config, "num_kv_shared_layers", 0, 0, static_cast<std::int64_t>(windowed.size()) - 1);
  put_widths(config, arch, windowed.size(), n_shared, out);
  out[arch + ".attention.shared_kv_layers"] = n_shared;
  const bool unified = config.string("model_type").value_or("").starts_with("gemma4_unified");
  out[arch + ".embedding_length_per_layer_input"] =
      config.json.contains("hidden_size_per_layer_input")  // null: none, as in llama.cpp's converter
          ? number_within(config, "hidden_size_per_layer_input", 0, 0, 1 << 16)
          : Index{unified ? 0 : 256};
  if (const auto cap = config.number("final_logit_softcapping"))
    out[arch + ".final_logit_softcapping"] = *cap;
  out[arch + ".attention.key_length"] = head_dims;
  out[arch + ".attention.value_length"] = std::move(head_dims);
  out[arch + ".attention.head_count_kv"] = std::move(n_kv_heads);
}

void experts_of_gemma4(const HfObject& config, const std::string& arch, Metadata& out) {
  if (!config.boolean("enable_moe_block").value_or(false)) return;
  out[arch + ".expert_count"] = config.required("num_experts");
  out[arch + ".expert_used_count"] = config.required("top_k_experts");
  out[arch + ".expert_feed_forward_length"] = config.required("moe_intermediate_size");
}

}  // namespace rw
