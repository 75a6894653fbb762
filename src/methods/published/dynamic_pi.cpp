// SPDX-License-Identifier: Apache-2.0
/// Position Interpolation that starts at the trained length.
#include "methods/factors.h"

namespace rw::published::dynamic_pi {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  return with_growth(p, context, [plain = plain_theta(context.rotary_dim, context.rope_base)](double s) {
    return Frequencies{interpolated(plain, s), 1};
  });
}

const Register<MethodInfo> registered{{
    .name = "dynamic-pi",
    .aliases = {},
    .kind = "frequency",
    .title = "dynamic Position Interpolation: only as much as the length needs",
    .formula = "theta'_m = theta_m / s(n), s(n) = max(1, factor * n / trained - (factor - 1))",
    .source = "jquesnelle/yarn LlamaDynamicScaledRotaryEmbedding",
    .differs = kGrowthDiffers,
    .parameters = {original_parameter(), growth_parameter(), grow_parameter(), replace_parameter()},
    .example = "dynamic-pi:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::dynamic_pi
