// SPDX-License-Identifier: Apache-2.0
/// Llama 1, 2, 3, SmolLM2, TinyLlama, Mistral as GGUF stores it, and those with biases of attention
/// (InternLM).
#include "model/read_common.h"

namespace ropewalk::arch::llama {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{});
  check_attention_bias(file, c);
  return c;
}

const Register<Architecture> registered{{"llama", {}, read}};

}  // namespace
}  // namespace ropewalk::arch::llama
