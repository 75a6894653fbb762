// SPDX-License-Identifier: Apache-2.0
/// Position Interpolation that starts at the trained length.
#include "methods/factors.h"

namespace ropewalk::published::dynamic_pi {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index trained = read_original(p, context);
  const double factor = p.number("factor", 1, 1, 65536);
  return with_frequencies(
      {[plain = plain_theta(context.rotary_dim, context.rope_base), trained, factor](Index n) {
         return Frequencies{interpolated(plain, dynamic_growth(factor, n, trained)), 1};
       },
       p.flag("grow", false) && context.n > trained});
}

const Register<MethodInfo> registered{{
    .name = "dynamic-pi",
    .aliases = {},
    .kind = "frequency",
    .title = "dynamic Position Interpolation: only as much as the length needs",
    .formula = "theta'_m = theta_m / s(n), s(n) = max(1, factor * n / trained - (factor - 1))",
    .source = "jquesnelle/yarn LlamaDynamicScaledRotaryEmbedding",
    .differs = "the length is the request's, so all keys share one table; grow=1 follows the published "
               "recurrence with unrotated keys (the released code caches rotated ones, which then "
               "disagree)",
    .parameters = {original_parameter(),
                   {"factor", "growth per trained length beyond the first", "", "1 to 65536", "1"},
                   grow_parameter(),
                   replace_parameter()},
    .example = "dynamic-pi:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace ropewalk::published::dynamic_pi
