// SPDX-License-Identifier: Apache-2.0
/// Granite 4.0-h: Mamba-2 in most layers, and attention without positions; multipliers as in Granite.
#include "model/read_common.h"

namespace rw::arch::granite_hybrid {
namespace {

ModelConfig read(const ModelFile& file) {
  return read_family(file,
                     Family{.logit_scale_divides = true, .experts = true, .recurrence = read_state_space});
}

const Register<Architecture> registered{{.name = "granitehybrid",
                                         .aliases = {},
                                         .models = "Granite 4.0 (micro, 350M, 1B; those with -h are hybrids)",
                                         .acts = "all; none in those with -h, where no layer has positions",
                                         .scaling = "none",
                                         .tiny = {"granite_hybrid", "granite_hybrid_moe"},
                                         .read = read}};

}  // namespace
}  // namespace rw::arch::granite_hybrid
