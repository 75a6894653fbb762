// SPDX-License-Identifier: Apache-2.0
/// Qwen3: Llama with an RMS norm on each head of q and k, before the rotation.
#include "model/read_common.h"

namespace ropewalk::arch::qwen3 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_common(file);
  for (LayerSpec& layer : c.layers) layer.attention.qk_norm = QkNorm::kPerHead;
  read_attention_bias(file, c);
  return c;
}

const Register<Architecture> registered{{"qwen3", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::qwen3
