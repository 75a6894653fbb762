// SPDX-License-Identifier: Apache-2.0
/// YaRN that starts at the trained length.
#include "methods/factors.h"

namespace rw::published::dynamic_yarn {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  require_base(p, context);
  const Index trained = read_original(p, context);
  return with_growth(p, context, [d = context.rotary_dim, base = context.rope_base, trained](double s) {
    const YarnRamp ramp{.factor = s, .beta_fast = 32, .beta_slow = 1, .trained = trained, .truncate = true};
    return Frequencies{yarn_theta(d, base, ramp), yarn_mscale(s) * yarn_mscale(s)};
  });
}

const Register<MethodInfo> registered{{
    .name = "dynamic-yarn",
    .aliases = {},
    .kind = "frequency",
    .title = "dynamic YaRN: ramp and logit scale follow the length",
    .formula = "yarn with factor s(n) = max(1, factor * n / trained - (factor - 1)), beta_fast 32, "
               "beta_slow 1",
    .source = "jquesnelle/yarn LlamaDynamicYaRNScaledRotaryEmbedding",
    .differs = kGrowthDiffers,
    .parameters = {original_parameter(), growth_parameter(), grow_parameter(), replace_parameter()},
    .example = "dynamic-yarn:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::dynamic_yarn
