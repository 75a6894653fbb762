// SPDX-License-Identifier: Apache-2.0
/// Arcee AFM: Llama with a feed-forward part of ReLU squared, without a gate.
#include "model/read_common.h"

namespace rw::arch::arcee {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.activation = Activation::kRelu2, .gated = false});
}

const Register<Architecture> registered{
    {.name = "arcee", .models = "Arcee AFM 4.5B", .scaling = "yarn", .tiny = {"arcee"}, .read = read}};

}  // namespace
}  // namespace rw::arch::arcee
