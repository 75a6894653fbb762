// SPDX-License-Identifier: Apache-2.0
/// DeepSeek V2 and V3 and what has their shape: multi-head latent attention; dense layers, then experts, in
/// V2 chosen by a softmax, in V3 by sigmoids and a bias, in groups.
#include <algorithm>

#include "model/read_common.h"

namespace rw::arch::deepseek2 {
namespace {

/// GGUFs from before llama.cpp wrote the groups (2025-10-20), as most that are published: those of V3 and R1
/// (256 experts) and of V2 (160) are known, and others of these sizes have the same.
void fill_in_groups(const Keys& keys, bool biased, ModelConfig& c) {
  if (keys.file.integer(keys.key("expert_group_count"))) return;
  for (LayerSpec& layer : c.layers) {
    ExpertsSpec& e = layer.ffn.experts;
    if (e.n_used > 32) continue;  // none of them
    if (e.n_experts == 256 && biased) e.n_groups = 8, e.n_groups_used = 4, e.group_by_two = true;
    if (e.n_experts == 160 && !biased) e.n_groups = 8, e.n_groups_used = 3;
  }
}

/// Where a file does not name the gating: a bias of the choice tells V3's.
ModelConfig read(const ModelFile& file) {
  const auto& tensors = file.tensors();
  const bool biased = std::any_of(tensors.begin(), tensors.end(), [](const TensorInfo& tensor) {
    return tensor.name.ends_with(".exp_probs_b.bias");
  });
  ModelConfig c = read_family(file, Family{.experts = true,
                                           .gating = biased ? Gating::kSigmoid : Gating::kSoftmax,
                                           .renormalise = false,
                                           .latent = true});
  fill_in_groups(Keys{file, c.architecture}, biased, c);
  return c;
}

const Register<Architecture> registered{
    {.name = "deepseek2",
     .models = "DeepSeek V2 (Lite), V3, R1, Kimi K2, GLM-4.7-Flash, Moonlight",
     .scaling = "yarn, in DeepSeek and Kimi K2",
     .tiny = {"deepseek_v2", "deepseek_dense", "deepseek_v2_groups", "deepseek_v3", "deepseek_v3_mscale",
              "glm4_moe_lite"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::deepseek2
