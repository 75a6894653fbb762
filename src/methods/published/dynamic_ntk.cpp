// SPDX-License-Identifier: Apache-2.0
/// NTK-aware scaling that starts at the trained length.
#include "methods/factors.h"

namespace rw::published::dynamic_ntk {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  require_pairs(p, context);
  return with_growth(p, context, [d = context.rotary_dim, base = context.rope_base](double s) {
    return Frequencies{ntk_theta(d, base, s), 1};
  });
}

const Register<MethodInfo> registered{{
    .name = "dynamic-ntk",
    .aliases = {},
    .kind = "frequency",
    .title = "dynamic NTK: the base grows with the length",
    .formula = "theta'_m = (base * s(n)^(d / (d - 2)))^(-2m/d), s(n) = max(1, factor * n / trained - "
               "(factor - 1))",
    .source = "emozilla 2023; transformers _compute_dynamic_ntk_parameters",
    .differs = kGrowthDiffers,
    .parameters = {original_parameter(), growth_parameter(), grow_parameter(), replace_parameter()},
    .example = "dynamic-ntk:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::dynamic_ntk
