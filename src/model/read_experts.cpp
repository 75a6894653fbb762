// SPDX-License-Identifier: Apache-2.0
/// Experts by the keys and tensors of a file, as llama.cpp's converter names them.
#include <tuple>

#include "model/read_common.h"

namespace rw {
namespace {

/// expert_gating_func: llama.cpp's numbers. 3 is a softmax over the chosen, which is that over all,
/// renormalised.
void read_gating(const Keys& keys, const Family& family, ExpertsSpec& e) {
  e.gating = family.gating, e.renormalise = family.renormalise;
  const Index kind = keys.integer("expert_gating_func", 0, 3, 0);
  if (kind != 0) e.gating = kind == 2 ? Gating::kSigmoid : Gating::kSoftmax;
  if (const auto renormalise = keys.file.boolean(keys.key("expert_weights_norm")))
    e.renormalise = *renormalise;
  if (kind == 3) e.renormalise = true;
  if (keys.number("expert_weights_scale").value_or(0) != 0)
    e.scale = static_cast<float>(keys.positive("expert_weights_scale"));
}

void read_groups(const Keys& keys, ExpertsSpec& e) {
  e.n_groups = std::max<Index>(1, keys.integer("expert_group_count", 0, e.n_experts, 1));
  e.n_groups_used = std::max<Index>(1, keys.integer("expert_group_used_count", 0, e.n_groups, e.n_groups));
  e.group_by_two = e.gating == Gating::kSigmoid;
  if (e.n_experts % e.n_groups != 0 || e.n_experts / e.n_groups * e.n_groups_used < e.n_used)
    throw Error(
        keys.file.path(),
        fmt::format("groups that divide {} experts and of which those in use hold {}", e.n_experts, e.n_used),
        fmt::format("{} groups, {} in use", e.n_groups, e.n_groups_used));
}

/// Dense layers stand first where the key says how many; where experts come in steps, tensors tell the rest.
void check_dense_layers(const Keys& keys, bool mixed) {
  const Index dense = keys.integer("leading_dense_block_count", 0, 4096, -1);
  const bool in_steps = keys.integer("interleave_moe_layer_step", 0, 4096, 1) > 1;
  if (dense < 0 || mixed == (keys.layer >= dense) || (in_steps && !mixed)) return;
  throw Error(keys.file.path(), fmt::format("experts from layer {} on, by leading_dense_block_count", dense),
              fmt::format("layer {} {} them", keys.layer, mixed ? "with" : "without"),
              "the file's numbers and tensors disagree");
}

}  // namespace

ExpertsSpec read_experts(const Keys& keys, const Family& family) {
  const auto has = [&](const char* name) { return keys.has_tensor(name); };
  ExpertsSpec e;
  const bool mixed = has("ffn_gate_inp.weight");
  if (keys.here("expert_count").value_or(0) == 0) {
    if (mixed)
      throw Error(keys.file.path(), "the key " + keys.key("expert_count"), "none", "the file is incomplete");
    return e;
  }
  check_dense_layers(keys, mixed);
  if (!mixed) return e;
  e.n_experts = keys.integer("expert_count", 1, 4096);
  e.n_used = keys.integer("expert_used_count", 1, e.n_experts);
  e.d_ff = keys.integer("expert_feed_forward_length", 0, 1 << 22, 0);
  if (e.d_ff == 0) e.d_ff = keys.integer("feed_forward_length", 1, 1 << 22);
  read_gating(keys, family, e);
  read_groups(keys, e);
  e.choice_bias = family.choice_bias || has("exp_probs_b.bias");
  e.router_bias = has("ffn_gate_inp.bias");
  e.bias = has("ffn_up_exps.bias");
  e.shared_gate = family.shared_gate || has("ffn_gate_inp_shexp.weight");
  return e;
}

Index read_shared_d_ff(const Keys& keys, const ExpertsSpec& experts) {
  const Index width = keys.integer("expert_shared_feed_forward_length", 0, 1 << 22, -1),
              count = keys.integer("expert_shared_count", 0, 64, -1);
  if (width > 0 || (width == 0 && count < 0)) return width;
  if (count >= 0) return count * experts.d_ff;
  const TensorInfo* up = keys.file.find_tensor(fmt::format("blk.{}.ffn_up_shexp.weight", keys.layer));
  return up != nullptr && !up->shape.empty() ? up->shape[0] : 0;
}

void check_experts(const Keys& keys, const Family& family, const ModelConfig& config) {
  bool named = false;
  const LayerSpec* first = nullptr;
  for (int l = 0; l < config.n_layers(); ++l) {
    named = named || keys.of_layer(l).here("expert_count").value_or(0) != 0;
    const LayerSpec& layer = config.layers[static_cast<std::size_t>(l)];
    if (layer.ffn.experts.n_experts == 0) continue;
    if (first == nullptr) first = &layer;
    const auto parts = [](const FfnSpec& f) {
      const ExpertsSpec& e = f.experts;
      return std::tuple(e.choice_bias, e.router_bias, e.bias, e.shared_gate, f.d_ff > 0);
    };
    if (parts(layer.ffn) != parts(first->ffn))
      throw Error(keys.file.path(), "experts with the same parts in every layer",
                  fmt::format("layer {} with others than the first", l), "the file is incomplete");
  }
  if (named && !family.experts)
    throw Error(keys.file.path(), "a model that this engine computes",
                "a mixture of experts, which this engine does not compute in this family");
  const bool all_lead = keys.integer("leading_dense_block_count", 0, 4096, 0) >= config.n_layers();
  if (named && first == nullptr && !all_lead)
    throw Error(keys.file.path(), "routers (blk.N.ffn_gate_inp.weight), since expert_count is not 0", "none",
                "the file's numbers and tensors disagree");
}

}  // namespace rw
