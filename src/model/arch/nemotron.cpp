// SPDX-License-Identifier: Apache-2.0
/// Nemotron-mini: LayerNorm, ReLU squared without a gate, rotation in part.
#include "model/read_common.h"

namespace rw::arch::nemotron {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file,
                     Family{.activation = Activation::kRelu2, .gated = false, .norm = NormKind::kLayer});
}

const Register<Architecture> registered{{.name = "nemotron",
                                         .models = "Nemotron-4 and Nemotron-mini, dense",
                                         .tiny = {"nemotron"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::nemotron
