// SPDX-License-Identifier: Apache-2.0
/// Hunyuan, dense: Llama with an RMS norm on each head of q and k, behind the rotation. Its base is that of
/// alpha (formats/hf_layers.cpp), or already so in a GGUF.
#include "model/read_common.h"

namespace rw::arch::hunyuan {
namespace {

/// Errors: Error for a scaling with a factor on rotated queries and keys: the norms behind take it out again
/// in the model as it is trained, and a factor on logits would be another model.
void refuse_gain(const ModelFile& file, const ModelConfig& c) {
  const RopeContext context = c.rope_context(0, c.n_ctx_train);
  if (context.own_scaling.empty()) return;
  if (Method::bind(MethodSpec::parse("none"), context).pointwise().rotary_gain != 1)
    throw Error(file.path() + ", rope scaling", "one of frequencies alone", "'" + context.own_scaling + "'",
                "norms behind the rotation undo its factor on queries and keys");
}

ModelConfig read(const ModelFile& file) {
  ModelConfig c = read_family(file, Family{.qk_norm_behind = true, .experts = true});
  refuse_gain(file, c);
  return c;
}

const Register<Architecture> registered{{.name = "hunyuan-dense",
                                         .aliases = {"hunyuan-moe"},
                                         .models = "Hunyuan 0.5B to 7B, dense; A13B",
                                         .scaling = "a larger base (alpha)",
                                         .tiny = {"hunyuan", "hunyuan_moe"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::hunyuan
