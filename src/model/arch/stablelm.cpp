// SPDX-License-Identifier: Apache-2.0
/// StableLM 2 and Zephyr 3B: LayerNorm, rotation in part; 12B normalises each head and has both parts side by
/// side.
#include "model/read_common.h"

namespace ropewalk::arch::stablelm {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.norm = NormKind::kLayer});
  for (LayerSpec& layer : c.layers)  // GGUF says it by leaving the norm out
    layer.parallel = layer.one_norm = file.find_tensor("blk.0.ffn_norm.weight") == nullptr;
  return c;
}

const Register<Architecture> registered{{.name = "stablelm",
                                         .models = "StableLM 2, StableLM Zephyr 3B",
                                         .tiny = {"stablelm", "stablelm_norms"},
                                         .read = read}};

}  // namespace
}  // namespace ropewalk::arch::stablelm
