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

const Register<Architecture> registered{
    {.name = "qwen3",
     .aliases = {"qwen3vl"},
     .models = "Qwen3, dense; the text part of Qwen3-VL",
     .acts = "all; with use_sliding_window those without a window",
     .scaling = "yarn, where a folder names it",
     .tiny = {"qwen3", "qwen3_bias", "qwen3_vl"},
     .checked = "tiny qwen3 under yarn and pi: logits of llama.cpp (export.md)",
     .read = read}};

}  // namespace
}  // namespace ropewalk::arch::qwen3
