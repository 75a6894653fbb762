// SPDX-License-Identifier: Apache-2.0
/// StarCoder2: LayerNorm, biases, GELU without a gate.
#include "model/read_common.h"

namespace rw::arch::starcoder2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file,
                     Family{.activation = Activation::kGeluTanh, .gated = false, .norm = NormKind::kLayer});
}

const Register<Architecture> registered{{.name = "starcoder2",
                                         .models = "StarCoder2",
                                         .acts = "all; the window is each layer's own and stays",
                                         .tiny = {"starcoder2"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::starcoder2
