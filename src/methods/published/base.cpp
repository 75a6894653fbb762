// SPDX-License-Identifier: Apache-2.0
/// Another base, for models whose makers found a better one.
#include "methods/factors.h"

namespace rw::published::base {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  if (!p.given("value")) p.refuse("value=, the new base", "none", "for example base:value=500000");
  const double value = p.number("value", context.rope_base, 1.000001, 1e15);
  return with_frequencies(fixed(plain_theta(context.rotary_dim, value)));
}

const Register<MethodInfo> registered{{
    .name = "base",
    .aliases = {},
    .kind = "frequency",
    .title = "another rope_base",
    .formula = "theta_m = value^(-2m/d)",
    .source = "Xiong et al. 2023, arXiv 2309.16039 (adjusted base frequency)",
    .differs = "they train on after the change; here nothing is trained",
    .parameters = {{"value", "the base", "", "above 1, to 1e15", "required"}, replace_parameter()},
    .example = "base:value=40000",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::base
