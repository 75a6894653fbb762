// SPDX-License-Identifier: Apache-2.0
/// NTK-by-parts as the YaRN paper states it: the ramp is linear in the turns made while trained.
#include "methods/factors.h"

namespace rw::published::ntk_by_parts {
namespace {

constexpr double kAlpha = 1, kBeta = 32;  // turns; the paper's values for Llama

Factors build(const Parameters& p, const RopeContext& context) {
  const Index trained = read_original(p, context);
  const double factor = read_factor(p, context, trained);
  return with_frequencies(
      fixed(wavelength_ramp(context.rotary_dim, context.rope_base, factor, trained, kAlpha, kBeta)));
}

const Register<MethodInfo> registered{{
    .name = "ntk-by-parts",
    .aliases = {},
    .kind = "frequency",
    .title = "NTK-by-parts: fast pairs kept, slow pairs interpolated, a ramp between",
    .formula = "theta'_m = (1 - g) theta_m / factor + g theta_m, g = clamp((r - 1) / (32 - 1), 0, 1), r "
               "= trained * theta_m / 2pi",
    .source = "bloc97 2023; arXiv 2309.00071, section 3.2",
    .differs = "the paper's ramp over turns r; released code ramps over the pair index instead (see "
               "yarn)",
    .parameters = {factor_parameter(), original_parameter(), replace_parameter()},
    .example = "ntk-by-parts:factor=4,trained=2048",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::ntk_by_parts
