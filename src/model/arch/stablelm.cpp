// SPDX-License-Identifier: Apache-2.0
/// StableLM 2 and Zephyr 3B: LayerNorm, rotation in part; 12B normalises each head and has both parts side by
/// side.
#include "model/read_common.h"

namespace rw::arch::stablelm {
namespace {

ModelConfig read(const ModelFile& file) {
  const bool one_norm = file.find_tensor("blk.0.ffn_norm.weight") == nullptr;  // then both are of it
  return read_family(file, Family{.norm = NormKind::kLayer, .parallel = one_norm});
}

const Register<Architecture> registered{{.name = "stablelm",
                                         .models = "StableLM 2, StableLM Zephyr 3B",
                                         .tiny = {"stablelm", "stablelm_norms"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::stablelm
