// SPDX-License-Identifier: Apache-2.0
/// Falcon: LayerNorm, GELU without a gate, both parts side by side: 7B of one norm, 40B of two, of which the
/// second is the one before attention.
#include "model/read_common.h"

namespace rw::arch::falcon {
namespace {

ModelConfig read(const ModelFile& file) {
  Family family{.activation = Activation::kGelu, .gated = false, .norm = NormKind::kLayer, .parallel = true};
  if (file.find_tensor("blk.0.attn_norm_2.weight") != nullptr)
    family.attn_norm = "attn_norm_2", family.ffn_norm = "attn_norm";
  return read_family(file, family);
}

const Register<Architecture> registered{
    {.name = "falcon", .models = "Falcon 7B, 40B, 180B", .tiny = {"falcon", "falcon_40b"}, .read = read}};

}  // namespace
}  // namespace rw::arch::falcon
