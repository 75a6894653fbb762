// SPDX-License-Identifier: Apache-2.0
/// Qwen3, dense and with experts, and the text part of Qwen3-VL: Llama with an RMS norm on each head of q and
/// k, before the rotation.
#include "model/read_common.h"

namespace rw::arch::qwen3 {
namespace {

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.qk_norm = true, .experts = true});
  check_attention_bias(file, c);
  return c;
}

const Register<Architecture> registered{
    {.name = "qwen3",
     .aliases = {"qwen3vl", "qwen3moe", "qwen3vlmoe"},
     .models =
         "Qwen3, dense and MoE; the text part of Qwen3-VL, both (folders of its MoE as transformers 5 saves "
         "them: published ones have their experts by columns, and are refused)",
     .acts = "all; with use_sliding_window those without a window",
     .scaling = "yarn, where a folder names it",
     .tiny = {"qwen3", "qwen3_bias", "qwen3_moe", "qwen3_moe_dense", "qwen3_vl", "qwen3_vl_moe"},
     .checked = "tiny qwen3 under yarn and pi: logits of llama.cpp (export.md)",
     .read = read}};

}  // namespace
}  // namespace rw::arch::qwen3
