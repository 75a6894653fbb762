// SPDX-License-Identifier: Apache-2.0
/// gpt-oss: sinks in attention, windows in every second layer, biases everywhere, experts with a clamped
/// activation, YaRN whose ramp is not rounded to whole dims.
#include "model/read_common.h"

namespace rw::arch::gpt_oss {
namespace {

/// All of its models have them: a file without runs wrongly.
void require_parts(const ModelFile& file, const ModelConfig& config) {
  for (const LayerSpec& layer : config.layers) {
    const ExpertsSpec& e = layer.ffn.experts;
    if (e.n_experts == 0 || !e.router_bias || !e.bias || !layer.attention.qkv_bias ||
        !layer.attention.output_bias)
      throw Error(file.path(), "experts in each layer, and biases of attention, routers and experts",
                  "some missing", "the file is incomplete");
  }
}

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.activation = Activation::kSwigluClamped,
                                           .ffn_norm = "post_attention_norm",
                                           .window_period = 2,
                                           .window = 128,
                                           .sinks = true,
                                           .yarn_truncates = false,
                                           .experts = true});
  require_parts(file, c);
  return c;
}

const Register<Architecture> registered{{.name = "gpt-oss",
                                         .models = "gpt-oss 20B and 120B, as GGUF",
                                         .acts = "those without a window: every second",
                                         .scaling = "yarn, on all layers",
                                         .tiny = {"gpt_oss"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::gpt_oss
