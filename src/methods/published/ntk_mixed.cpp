// SPDX-License-Identifier: Apache-2.0
/// Su Jianlin's mixed NTK scaling: between NTK and interpolation, for every pair.
#include <cmath>

#include "methods/factors.h"

namespace rw::published::ntk_mixed {
namespace {

constexpr double kExponent = 0.625;

Factors build(const Parameters& p, const RopeContext& context) {
  const double factor = read_factor(p, context, context.n_ctx_original);
  std::vector<double> theta = plain_theta(context.rotary_dim, context.rope_base);
  if (factor == 1) return with_frequencies(fixed(std::move(theta)));
  const double a = std::log(factor) / std::pow(context.rotary_dim / 2.0, kExponent);
  for (std::size_t m = 0; m < theta.size(); ++m)
    theta[m] *= std::exp(-a * std::pow(static_cast<double>(m + 1), kExponent));
  return with_frequencies(fixed(std::move(theta)));
}

const Register<MethodInfo> registered{{
    .name = "ntk-mixed",
    .aliases = {},
    .kind = "frequency",
    .title = "NTK-RoPE-mixed: each pair slowed by its rank",
    .formula = "theta'_m = theta_(m-1) * exp(-a m^0.625), m = 1 .. d/2, a (d/2)^0.625 = ln(factor)",
    .source = "Su Jianlin 2023, kexue.fm/archives/9706; bojone/rerope ntk_patch.py",
    .differs = "the exponent is the article's 0.625 (the patch file has 0.75 and log-n besides: add "
               "'+logn')",
    .parameters = {factor_parameter(), replace_parameter()},
    .example = "ntk-mixed:factor=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::ntk_mixed
