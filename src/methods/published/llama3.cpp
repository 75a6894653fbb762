// SPDX-License-Identifier: Apache-2.0
/// The scaling of Llama 3.1 and later: a ramp over wavelengths.
#include "methods/factors.h"

namespace rw::published::llama3 {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index trained = read_original(p, context);
  const double factor = read_factor(p, context, trained);
  const double low = p.number("low_freq_factor", 1, 1e-6, 1e6),
               high = p.number("high_freq_factor", 4, 1e-6, 1e6);
  if (low >= high) p.refuse("low_freq_factor below high_freq_factor", fmt::format("{} and {}", low, high));
  return with_frequencies(
      fixed(wavelength_ramp(context.rotary_dim, context.rope_base, factor, trained, low, high)));
}

const Register<MethodInfo> registered{{
    .name = "llama3",
    .aliases = {},
    .kind = "frequency",
    .title = "Llama 3's scaling: short waves kept, long waves interpolated",
    .formula = "r = trained * theta_m / 2pi; theta'_m = theta_m where r >= high_freq_factor, theta_m / "
               "factor where r <= low_freq_factor, (1 - t) theta_m / factor + t theta_m between, t = (r "
               "- low) / (high - low)",
    .source = "meta-llama/llama-models, models/llama3/reference_impl/model.py; transformers "
              "_compute_llama3_parameters",
    .differs = "none; Meta trains with it, here it also serves untrained models",
    .parameters = {factor_parameter(),
                   original_parameter(),
                   {"low_freq_factor", "turns up to which a pair is interpolated", "turns", "1e-6 to 1e6",
                    "1"},
                   {"high_freq_factor", "turns from which a pair is kept", "turns", "1e-6 to 1e6", "4"},
                   replace_parameter()},
    .example = "llama3:factor=4,trained=2048",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::llama3
