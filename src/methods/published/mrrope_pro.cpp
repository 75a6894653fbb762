// SPDX-License-Identifier: Apache-2.0
/// MrRoPE-Pro: positions are digits in a mixed radix, and slow pairs of a band enlarge theirs more.
#include "methods/factors.h"

namespace rw::published::mrrope_pro {
namespace {

double exponent(double q, double band) { return q * (q + 1) / (band * (band + 1)); }

Factors build(const Parameters& p, const RopeContext& context) {
  return with_mixed_radix(p, context, exponent);
}

const Register<MethodInfo> registered{{
    .name = "mrrope-pro",
    .aliases = {},
    .kind = "frequency",
    .title = "MrRoPE-Pro: a band of pairs shares the factor, slow pairs more of it",
    .formula = "theta'_m = theta_m / factor^(q (q + 1) / (band (band + 1))), q = clamp(m - low, 0, band), "
               "band = high - low, low = floor(c(beta_fast)), high = ceil(c(beta_slow)), c(r) as in yarn; "
               "logits of the rotated dims times s^2, s = attention_factor, or 0.1 ln(factor) + 1",
    .source = "arXiv 2601.22181, ICLR 2026; mattian7/mrRoPE d1a6f31",
    .differs = "none in the frequencies (this is what the repository uses by default); s^2 multiplies q once "
               "instead of s on q and on k, and s is 1 where factor is 1",
    .parameters = {factor_parameter(),
                   original_parameter(),
                   beta_fast_parameter(),
                   beta_slow_parameter(),
                   {"attention_factor", "s itself", "", "1e-6 to 1e6", "0.1 ln(factor) + 1"},
                   replace_parameter()},
    .example = "mrrope-pro:factor=4,trained=2048",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::mrrope_pro
