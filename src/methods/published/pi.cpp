// SPDX-License-Identifier: Apache-2.0
/// Position Interpolation: all positions squeezed into the trained range.
#include "methods/factors.h"

namespace rw::published::pi {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const double factor = read_factor(p, context, context.n_ctx_original);
  return with_frequencies(fixed(interpolated(plain_theta(context.rotary_dim, context.rope_base), factor)));
}

const Register<MethodInfo> registered{{
    .name = "pi",
    .aliases = {"linear"},
    .kind = "frequency",
    .title = "Position Interpolation: every frequency divided by the factor",
    .formula = "theta'_m = theta_m / factor",
    .source = "Chen et al. 2023, arXiv 2306.15595, section 3",
    .differs = "the paper fine-tunes afterwards; here nothing is trained",
    .parameters = {factor_parameter(), replace_parameter()},
    .example = "pi:factor=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::pi
