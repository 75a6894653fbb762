// SPDX-License-Identifier: Apache-2.0
/// MrRoPE-Uni: positions are digits in a mixed radix, and pairs of a band enlarge their radix alike.
#include "methods/factors.h"

namespace rw::published::mrrope_uni {
namespace {

double exponent(double q, double band) { return q / band; }

Factors build(const Parameters& p, const RopeContext& context) {
  return with_mixed_radix(p, context, exponent);
}

const Register<MethodInfo> registered{{
    .name = "mrrope-uni",
    .aliases = {},
    .kind = "frequency",
    .title = "MrRoPE-Uni: a band of pairs shares the factor in equal parts",
    .formula = "theta'_m = theta_m / factor^(q / band), q = clamp(m - low, 0, band), band = high - low, low "
               "= floor(c(beta_fast)), high = ceil(c(beta_slow)), c(r) as in yarn; logits of the rotated "
               "dims times s^2, s = attention_factor, or 0.1 ln(factor) + 1",
    .source = "arXiv 2601.22181, ICLR 2026; mattian7/mrRoPE d1a6f31",
    .differs = "none in the frequencies; s^2 multiplies q once instead of s on q and on k, and s is 1 where "
               "factor is 1; the repository's reversed and two-slope variants are left out",
    .parameters = {factor_parameter(),
                   original_parameter(),
                   beta_fast_parameter(),
                   beta_slow_parameter(),
                   {"attention_factor", "s itself", "", "1e-6 to 1e6", "0.1 ln(factor) + 1"},
                   replace_parameter()},
    .example = "mrrope-uni:factor=4,trained=2048",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::mrrope_uni
