// SPDX-License-Identifier: Apache-2.0
/// MiniCPM3: multi-head latent attention, and multipliers of embeddings, residuals and logits.
#include <cmath>

#include "model/read_common.h"

namespace rw::arch::minicpm3 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.logit_scale_divides = true, .latent = true});
  // GGUF files lack the keys: these are the published model's.
  if (!file.number("minicpm3.embedding_scale")) c.embedding_multiplier = 12;
  if (!file.number("minicpm3.logit_scale")) c.logit_multiplier = 256 / static_cast<float>(c.d_model);
  if (!file.number("minicpm3.residual_scale"))
    for (LayerSpec& layer : c.layers)
      layer.residual_multiplier = 1.4f / std::sqrt(static_cast<float>(c.n_layers()));
  return c;
}

const Register<Architecture> registered{
    {.name = "minicpm3", .models = "MiniCPM3", .scaling = "longrope", .tiny = {"minicpm3"}, .read = read}};

}  // namespace
}  // namespace rw::arch::minicpm3
