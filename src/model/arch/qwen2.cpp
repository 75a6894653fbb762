// SPDX-License-Identifier: Apache-2.0
/// Qwen2 and Qwen2.5: Llama with biases on q, k and v.
#include "model/read_common.h"

namespace ropewalk::arch::qwen2 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_common(file);
  for (LayerSpec& layer : c.layers) layer.attention.qkv_bias = true;
  return c;
}

const Register<Architecture> registered{{"qwen2", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::qwen2
