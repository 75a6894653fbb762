// SPDX-License-Identifier: Apache-2.0
/// MiniCPM 1, 2 and 4: Llama with multipliers of embeddings, residuals and logits.
#include <cmath>

#include "model/read_common.h"

namespace rw::arch::minicpm {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.logit_scale_divides = true});
  // The first GGUF files lack the keys: these are MiniCPM 2B's.
  if (!file.number("minicpm.embedding_scale")) c.embedding_multiplier = 12;
  if (!file.number("minicpm.logit_scale")) c.logit_multiplier = 256 / static_cast<float>(c.d_model);
  if (!file.number("minicpm.residual_scale"))
    for (LayerSpec& layer : c.layers)
      layer.residual_multiplier = 1.4f / std::sqrt(static_cast<float>(c.n_layers()));
  return c;
}

const Register<Architecture> registered{{.name = "minicpm",
                                         .models = "MiniCPM 1, 2 and 4",
                                         .scaling = "longrope, in MiniCPM 4",
                                         .tiny = {"minicpm"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::minicpm
