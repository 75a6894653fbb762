// SPDX-License-Identifier: Apache-2.0
/// GPT-NeoX and Pythia: LayerNorm, biases, both parts side by side with norms of their own, rotation in part.
#include "model/read_common.h"

namespace rw::arch::gptneox {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(
      file,
      Family{.activation = Activation::kGelu, .gated = false, .norm = NormKind::kLayer, .parallel = true});
}

const Register<Architecture> registered{{.name = "gptneox",
                                         .models = "GPT-NeoX 20B, Pythia",
                                         .tiny = {"gpt_neox", "gpt_neox_serial"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::gptneox
