// SPDX-License-Identifier: Apache-2.0
/// YaRN as released: a ramp over the pair index, and hotter logits.
#include "methods/factors.h"

namespace rw::published::yarn {
namespace {

/// transformers' order: an explicit factor, then the ratio of two mscales, then the paper's.
double attention_factor(const Parameters& p, double factor) {
  const double m = p.given("mscale") ? p.number("mscale", 0, 0, 1e6) : 0;
  const double all = p.given("mscale_all_dim") ? p.number("mscale_all_dim", 0, 0, 1e6) : 0;
  const double computed =
      m != 0 && all != 0 ? yarn_mscale(factor, m) / yarn_mscale(factor, all) : yarn_mscale(factor);
  return p.number("attention_factor", computed, 1e-6, 1e6);
}

Factors build(const Parameters& p, const RopeContext& context) {
  YarnRamp ramp = read_ramp(p, context);
  ramp.truncate = p.flag("truncate", true);
  const double s = attention_factor(p, ramp.factor);
  return with_frequencies(fixed(yarn_theta(context.rotary_dim, context.rope_base, ramp), s * s));
}

const Register<MethodInfo> registered{{
    .name = "yarn",
    .aliases = {},
    .kind = "frequency",
    .title = "YaRN: NTK-by-parts and a logit scale",
    .formula = "theta'_m = (1 - g) theta_m / factor + g theta_m, g falling from 1 to 0 linearly in m "
               "between floor(c(beta_fast)) and ceil(c(beta_slow)), c(r) = d ln(trained / (2 pi r)) / (2 "
               "ln base); logits of the rotated dims times s^2, s = attention_factor, or get(mscale) / "
               "get(mscale_all_dim), or get(1), get(m) = 0.1 m ln(factor) + 1",
    .source = "Peng et al. 2023, arXiv 2309.00071; jquesnelle/yarn; transformers "
              "_compute_yarn_parameters",
    .differs = "the ramp and the three ways to s are the released code's, not the paper's; s is 1 where "
               "factor <= 1; s^2 multiplies q once instead of s on q and on k",
    .parameters = {factor_parameter(),
                   original_parameter(),
                   beta_fast_parameter(),
                   beta_slow_parameter(),
                   {"attention_factor", "s itself", "", "1e-6 to 1e6", "from mscale and factor"},
                   {"mscale", "m above the line of s", "", "0 to 1e6", "unset"},
                   {"mscale_all_dim", "m below the line of s", "", "0 to 1e6", "unset"},
                   {"truncate", "1: ends of the ramp rounded outwards", "", "0 or 1", "1"},
                   replace_parameter()},
    .example = "yarn:factor=4,trained=2048",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::yarn
