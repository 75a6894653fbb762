// SPDX-License-Identifier: Apache-2.0
/// LongRoPE: a divisor per pair, searched for by the model's makers.
#include <algorithm>
#include <cmath>

#include "methods/factors.h"

namespace rw::published::longrope {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const auto pairs = static_cast<std::size_t>(context.rotary_dim) / 2;
  if (context.long_factors.size() != pairs || context.short_factors.size() != pairs)
    p.refuse(fmt::format("a model with {} long and {} short factors", pairs, pairs),
             fmt::format("{} and {}", context.long_factors.size(), context.short_factors.size()),
             "the lists are part of the model; take yarn or ntk instead");
  double s = context.longrope_attention_factor;
  const auto trained = static_cast<double>(context.n_ctx_original);
  if (s <= 0)
    s = std::sqrt(1 + std::log(std::max(1.0, static_cast<double>(context.n) / trained)) / std::log(trained));
  return with_frequencies(
      {[=, plain = plain_theta(context.rotary_dim, context.rope_base), longer = context.long_factors,
        shorter = context.short_factors, limit = context.n_ctx_original](Index n) {
         Frequencies f{plain, s * s};
         const std::vector<double>& divisors = n > limit ? longer : shorter;
         for (std::size_t m = 0; m < f.theta.size(); ++m) f.theta[m] /= divisors[m];
         return f;
       },
       false});
}

const Register<MethodInfo> registered{{
    .name = "longrope",
    .aliases = {},
    .kind = "frequency",
    .title = "LongRoPE: the model's own factor lists",
    .formula = "theta'_m = theta_m / e_m, e = the long list where n > trained, else the short list; "
               "logits of the rotated dims times s^2, s = sqrt(1 + ln(f) / ln(trained)), f = extended / "
               "trained, or as the file says",
    .source = "Ding et al. 2024, arXiv 2402.13753; transformers _compute_longrope_parameters",
    .differs = "the list is chosen by the request's length, once, and not switched while decoding (that "
               "would leave keys of two tables in one cache); f is n / trained when the file does not "
               "name s",
    .parameters = {replace_parameter()},
    .example = "longrope:replace=1",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::longrope
