// SPDX-License-Identifier: Apache-2.0
/// Gemma 2: norms before and behind both parts, soft caps, a window in every second layer.
#include <cmath>

#include "model/read_common.h"

namespace rw::arch::gemma2 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.activation = Activation::kGeluTanh,
                                           .post_norm = true,
                                           .window_period = 2,
                                           .window = 4096,
                                           .embedding_by_root = true});
  for (LayerSpec& layer : c.layers) {
    AttentionSpec& a = layer.attention;
    // Files of before 2024-07 lack the caps; 27B, which is known by its layers, scales by d_model / n_heads.
    if (!file.number("gemma2.attn_logit_softcapping")) a.soft_cap = 50;
    if (a.scale == 0 && c.n_layers() == 46)
      a.scale = 1 / std::sqrt(static_cast<double>(c.d_model) / a.n_heads);
  }
  if (!file.number("gemma2.final_logit_softcapping")) c.logit_soft_cap = 30;
  return c;
}

const Register<Architecture> registered{{.name = "gemma2",
                                         .models = "Gemma 2",
                                         .acts = "those without a window: every second",
                                         .tiny = {"gemma2", "gemma2_scale"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::gemma2
