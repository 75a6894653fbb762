// SPDX-License-Identifier: Apache-2.0
/// Qwen3-Next, and the text part of Qwen3.5, 3.6 and 3.8, dense and with experts: gated delta nets, and every
/// fourth layer attention whose output has a gate.
#include "model/read_common.h"

namespace rw::arch::qwen3next {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.ffn_norm = "post_attention_norm",
                                  .qk_norm = true,
                                  .output_gate = true,
                                  .experts = true,
                                  .shared_gate = true,
                                  .recurrence = read_delta_rule});
}

const Register<Architecture> registered{
    {.name = "qwen35",
     .aliases = {"qwen35moe", "qwen3next"},
     .models = "Qwen3.5, 3.6 and 3.8, dense and MoE (their text part); Qwen3-Next",
     .acts = "layers with attention, one in four",
     .scaling = "yarn, where a folder names it",
     .tiny = {"qwen3_5", "qwen3_5_images", "qwen3_5_moe", "qwen3_next"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::qwen3next
