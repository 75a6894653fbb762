// SPDX-License-Identifier: Apache-2.0
/// Qwen3, and the text part of Qwen3-VL: Llama with an RMS norm on each head of q and k, before the rotation.
#include "model/read_common.h"

namespace ropewalk::arch::qwen3 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{});
  check_attention_bias(file, c);
  return c;
}

const Register<Architecture> registered{{"qwen3", {"qwen3vl"}, read}};

}  // namespace
}  // namespace ropewalk::arch::qwen3
