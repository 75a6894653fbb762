// SPDX-License-Identifier: Apache-2.0
/// NTK-aware scaling that starts at the trained length.
#include "methods/factors.h"

namespace ropewalk::published::dynamic_ntk {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  require_pairs(p, context);
  const Index trained = read_original(p, context);
  const double factor = p.number("factor", 1, 1, 65536);
  return with_frequencies({[d = context.rotary_dim, base = context.rope_base, trained, factor](Index n) {
                             return Frequencies{ntk_theta(d, base, dynamic_growth(factor, n, trained)), 1};
                           },
                           p.flag("grow", false) && context.n > trained});
}

const Register<MethodInfo> registered{{
    .name = "dynamic-ntk",
    .aliases = {},
    .kind = "frequency",
    .title = "dynamic NTK: the base grows with the length",
    .formula = "theta'_m = (base * s(n)^(d / (d - 2)))^(-2m/d), s(n) = max(1, factor * n / trained - "
               "(factor - 1))",
    .source = "emozilla 2023; transformers _compute_dynamic_ntk_parameters",
    .differs = "the length is the request's, so all keys share one table; grow=1 follows the published "
               "recurrence with unrotated keys (the released code caches rotated ones, which then "
               "disagree)",
    .parameters = {original_parameter(),
                   {"factor", "growth per trained length beyond the first", "", "1 to 65536", "1"},
                   grow_parameter(),
                   replace_parameter()},
    .example = "dynamic-ntk:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace ropewalk::published::dynamic_ntk
