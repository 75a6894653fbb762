// SPDX-License-Identifier: Apache-2.0
/// Qwen3: Llama with an RMS norm on each head of q and k, before the rotation.
#include "model/read_common.h"

namespace ropewalk::arch::qwen3 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_common(file);
  c.qk_norm = true;
  read_attention_bias(file, c);
  return c;
}

const Register<Architecture> registered{{"qwen3", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::qwen3
