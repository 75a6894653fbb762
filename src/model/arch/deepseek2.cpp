// SPDX-License-Identifier: Apache-2.0
/// DeepSeek V2 and V3 and what has their shape: multi-head latent attention; dense layers, then experts, in
/// V2 chosen by a softmax, in V3 by sigmoids and a bias, in groups.
#include <algorithm>

#include "model/read_common.h"

namespace ropewalk::arch::deepseek2 {
namespace {

/// Where a file does not name the gating: a bias of the choice tells V3's.
ModelConfig read(const ModelFile& file) {
  const auto& tensors = file.tensors();
  const bool biased = std::any_of(tensors.begin(), tensors.end(), [](const TensorInfo& tensor) {
    return tensor.name.ends_with(".exp_probs_b.bias");
  });
  return read_family(file, Family{.experts = true,
                                  .gating = biased ? Gating::kSigmoid : Gating::kSoftmax,
                                  .renormalise = false,
                                  .latent = true});
}

const Register<Architecture> registered{
    {.name = "deepseek2",
     .models = "DeepSeek V2 (Lite), V3, R1, Kimi K2, GLM-4.7-Flash, Moonlight",
     .scaling = "yarn, in DeepSeek and Kimi K2",
     .tiny = {"deepseek_v2", "deepseek_dense", "deepseek_v2_groups", "deepseek_v3", "deepseek_v3_mscale", "glm4_moe_lite"},
     .read = read}};

}  // namespace
}  // namespace ropewalk::arch::deepseek2
