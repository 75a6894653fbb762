// SPDX-License-Identifier: Apache-2.0
/// StarCoder2: LayerNorm, biases, GELU without a gate.
#include "model/read_common.h"

namespace ropewalk::arch::starcoder2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file,
                     Family{.activation = Activation::kGeluTanh, .gated = false, .norm = NormKind::kLayer});
}

const Register<Architecture> registered{{"starcoder2", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::starcoder2
