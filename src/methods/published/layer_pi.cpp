// SPDX-License-Identifier: Apache-2.0
/// Layer-specific Position Interpolation: each layer has a factor of its own, on a curve over the depth.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::layer_pi {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const double factor = read_factor(p, context, context.n_ctx_original);
  const double first = p.number("first", 1, 1e-3, 1000), last = p.number("last", 1.5, 1e-3, 1000);
  const double middle = p.number("middle", (first + last) / 2, 1e-3, 1000);
  if (middle < std::min(first, last) || middle > std::max(first, last))
    p.refuse("middle between first and last", fmt::format("{}, {}, {}", first, middle, last),
             "the factors rise or fall over the depth");
  const double t = context.n_layers > 1
                       ? static_cast<double>(context.layer) / static_cast<double>(context.n_layers - 1)
                       : 0;
  const double curve = (1 - t) * (1 - t) * first + 2 * t * (1 - t) * middle + t * t * last;
  return with_frequencies(
      fixed(interpolated(plain_theta(context.rotary_dim, context.rope_base), factor * curve)));
}

const Register<MethodInfo> registered{{
    .name = "layer-pi",
    .aliases = {"lpes"},
    .kind = "frequency",
    .title = "layer-specific interpolation: a factor for each layer, on a curve over the depth",
    .formula = "theta'_m = theta_m / (factor s(t)), s(t) = (1 - t)^2 first + 2 t (1 - t) middle + t^2 last, "
               "t = layer / (layers - 1)",
    .source = "arXiv 2503.04355 (2025), LPES; arXiv 2606.27705, ACL Findings 2026",
    .differs = "the authors search the points of a Bezier curve for each model on a development set and "
               "publish neither their number nor their values: here three, evenly spaced in depth, given or "
               "searched (ropewalk tune tries some); the defaults are ours, a line; factor, which stretches "
               "the curve past the trained length, is their combination with pi",
    .parameters = {factor_parameter(),
                   {"first", "share of the factor in the first layer", "", "1e-3 to 1000", "1"},
                   {"middle", "control point of the curve half way", "", "between first and last",
                    "(first + last) / 2, which is a line"},
                   {"last", "share of the factor in the last layer", "", "1e-3 to 1000", "1.5"},
                   replace_parameter()},
    .example = "layer-pi:factor=2,first=1,last=2",
    .by_layer = true,
    .build = build,
}};

}  // namespace
}  // namespace rw::published::layer_pi
