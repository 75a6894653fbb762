// SPDX-License-Identifier: Apache-2.0
/// Nemotron-H and Nemotron 3: each layer is Mamba-2, attention without positions, or a feed-forward part.
#include "model/read_common.h"

namespace rw::arch::nemotron_h {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file, Family{.activation = Activation::kRelu2,
                                  .gated = false,
                                  .no_rope = NoRope::kAlways,
                                  .experts = true,
                                  .gating = Gating::kSigmoid,
                                  .recurrence = read_state_space,
                                  .one_part = true});
}

const Register<Architecture> registered{
    {.name = "nemotron_h",
     .aliases = {"nemotron_h_moe"},
     .models = "Nemotron-H; Nemotron 3 without a latent part of its experts",
     .acts = "none: no layer has positions",
     .scaling = "none",
     .tiny = {"nemotron_h", "nemotron_h_moe"},
     .read = read}};

}  // namespace
}  // namespace rw::arch::nemotron_h
