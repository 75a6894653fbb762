// SPDX-License-Identifier: Apache-2.0
/// Llama 1, 2, 3, SmolLM2, TinyLlama, Mistral as GGUF stores it, and those with biases of attention
/// (InternLM) or with experts (Mixtral).
#include "model/read_common.h"

namespace rw::arch::llama {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.experts = true});
  check_attention_bias(file, c);
  return c;
}

const Register<Architecture> registered{
    {.name = "llama",
     .models = "Llama 1 to 3, SmolLM2, TinyLlama, Yi, Falcon 3, DeepSeek-R1 distills of Llama; GGUFs of "
               "Mistral 7B and InternLM3; Mixtral",
     .scaling = "llama3, from Llama 3.1 on",
     .tiny = {"dynamic", "linear", "llama", "llama3", "llama_bias", "llama_by_layer", "llama_mha",
              "llama_tied", "longrope", "mixtral", "partial", "yarn"},
     .checked = "SmolLM2-135M-Instruct in Q4_1: logits of transformers, with each instruction set "
                "(tests/model/smollm2_oracle.cpp), and of llama.cpp (export.md); tiny llama, linear, llama3, "
                "longrope and "
                "yarn: logits of llama.cpp (export.md), tiny llama also losses of llama-perplexity",
     .read = read}};

}  // namespace
}  // namespace rw::arch::llama
