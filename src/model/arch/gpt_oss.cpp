// SPDX-License-Identifier: Apache-2.0
/// gpt-oss: sinks in attention, windows in every second layer, biases everywhere, experts with a clamped
/// activation, YaRN whose ramp is not rounded to whole dims.
#include "model/read_common.h"

namespace ropewalk::arch::gpt_oss {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.activation = Activation::kSwigluClamped,
                                  .ffn_norm = "post_attention_norm",
                                  .window_period = 2,
                                  .sinks = true,
                                  .yarn_truncates = false,
                                  .experts = true});
}

const Register<Architecture> registered{{.name = "gpt-oss",
                                         .models = "gpt-oss 20B and 120B, as GGUF",
                                         .acts = "those without a window: every second",
                                         .scaling = "yarn, on all layers",
                                         .tiny = {"gpt_oss"},
                                         .read = read}};

}  // namespace
}  // namespace ropewalk::arch::gpt_oss
