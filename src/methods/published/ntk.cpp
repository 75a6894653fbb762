// SPDX-License-Identifier: Apache-2.0
/// NTK-aware scaling: high frequencies stay, the lowest is interpolated.
#include "methods/factors.h"

namespace rw::published::ntk {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  require_pairs(p, context);
  const double factor = read_factor(p, context, context.n_ctx_original);
  return with_frequencies(fixed(ntk_theta(context.rotary_dim, context.rope_base, factor)));
}

const Register<MethodInfo> registered{{
    .name = "ntk",
    .aliases = {},
    .kind = "frequency",
    .title = "NTK-aware scaling: a larger base",
    .formula = "theta'_m = base'^(-2m/d), base' = base * factor^(d / (d - 2)): the first frequency "
               "stays, the last is divided by factor",
    .source = "bloc97 2023 (r/LocalLLaMA, 'NTK-aware scaled RoPE'); arXiv 2309.00071, section 3.1",
    .differs = "none; a factor somewhat above n / trained is often better, since some pairs are then "
               "barely extrapolated",
    .parameters = {factor_parameter(), replace_parameter()},
    .example = "ntk:factor=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::ntk
