// SPDX-License-Identifier: Apache-2.0
/// Gemma 3: norms before and behind both parts, on heads of q and k too; windows in five of six layers, whose
/// base is 10,000 and unscaled.
#include <cmath>

#include "model/read_common.h"

namespace rw::arch::gemma3 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.activation = Activation::kGeluTanh,
                                           .post_norm = true,
                                           .window_period = 6,
                                           .local_is_plain = true,
                                           .local_base = 10000,
                                           .embedding_by_root = true});
  for (LayerSpec& layer : c.layers)  // 27B, known by its layers, scales by d_model / n_heads
    if (AttentionSpec& a = layer.attention; a.scale == 0 && c.n_layers() == 62)
      a.scale = 1 / std::sqrt(static_cast<double>(c.d_model) / a.n_heads);
  return c;
}

const Register<Architecture> registered{
    {.name = "gemma3",
     .models = "Gemma 3 (the text part of those with images), MedGemma, TranslateGemma",
     .acts = "those without a window: one in six",
     .scaling = "linear, from 4B on; layers with a window have base 10,000 and none",
     .tiny = {"gemma3", "gemma3_images"},
     .checked = "Gemma 3 270M: what it writes after five prompts is llama.cpp's (tools/check_real gemma3)",
     .read = read}};

}  // namespace
}  // namespace rw::arch::gemma3
