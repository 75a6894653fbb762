// SPDX-License-Identifier: Apache-2.0
/// GLM-4.5 and 4.6: half of each head rotates; dense layers, then experts chosen by sigmoids and a bias.
#include "model/read_common.h"

namespace rw::arch::glm4moe {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.ffn_norm = "post_attention_norm",
                                  .experts = true,
                                  .gating = Gating::kSigmoid,
                                  .choice_bias = true});
}

const Register<Architecture> registered{{.name = "glm4moe",
                                         .models = "GLM-4.5, GLM-4.5-Air, GLM-4.6",
                                         .tiny = {"glm4_moe", "glm4_moe_groups"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::glm4moe
