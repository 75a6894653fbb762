// SPDX-License-Identifier: Apache-2.0
/// Qwen2 and Qwen2.5, and the text part of Qwen2-VL and 2.5-VL: Llama with biases on q, k and v. The sections
/// of M-RoPE are one position for text.
#include "model/read_common.h"

namespace rw::arch::qwen2 {
namespace {

ModelConfig read(const ModelFile& file) { return read_family(file, Family{}); }

const Register<Architecture> registered{
    {.name = "qwen2",
     .aliases = {"qwen2vl"},
     .models = "Qwen2, Qwen2.5, DeepSeek-R1 distills of Qwen2; the text part of Qwen2-VL and Qwen2.5-VL",
     .acts = "all; with use_sliding_window those without a window",
     .scaling = "yarn, where a folder names it",
     .tiny = {"partial_qwen2", "qwen2", "qwen2_5_vl", "qwen2_vl"},
     .checked =
         "Qwen2.5 Coder 0.5B: what it writes after five prompts is llama.cpp's (tools/check_real qwen2); "
         "tiny qwen2 under yarn and ntk: logits of llama.cpp (export.md)",
     .read = read}};

}  // namespace
}  // namespace rw::arch::qwen2
