// SPDX-License-Identifier: Apache-2.0
/// Gemma 1: embeddings times sqrt(d_model), a gate of GELU.
#include "model/read_common.h"

namespace rw::arch::gemma {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.activation = Activation::kGeluTanh, .embedding_by_root = true});
}

const Register<Architecture> registered{
    {.name = "gemma", .models = "Gemma 1", .tiny = {"gemma"}, .read = read}};

}  // namespace
}  // namespace rw::arch::gemma
