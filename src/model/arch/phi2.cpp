// SPDX-License-Identifier: Apache-2.0
/// Phi-1.5 and Phi-2: LayerNorm, biases, both parts side by side of one norm, rotation in part.
#include "model/read_common.h"

namespace rw::arch::phi2 {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(
      file,
      Family{
          .activation = Activation::kGeluTanh, .gated = false, .norm = NormKind::kLayer, .parallel = true});
}

const Register<Architecture> registered{
    {.name = "phi2", .models = "Phi-1, Phi-1.5, Phi-2", .tiny = {"phi"}, .read = read}};

}  // namespace
}  // namespace rw::arch::phi2
