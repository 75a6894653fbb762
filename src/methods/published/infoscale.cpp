// SPDX-License-Identifier: Apache-2.0
/// InfoScale: logits grow so that the entropy of attention stays as it was trained.
#include <algorithm>
#include <cmath>

#include "methods/factors.h"

namespace rw::published::infoscale {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const auto trained = static_cast<double>(read_trained(p, context));
  const double power = -2.0 / context.head_dim;
  // 1 - keys^power, also where the power is so near 1 that the difference would lose digits.
  const auto information = [power](double keys) { return -std::expm1(power * std::log(keys)); };
  return with_scale([information, base = information(trained), keys = keys_of_row(context)](Index i) {
    return std::sqrt(std::max(1.0, information(keys(i)) / base));
  });
}

const Register<MethodInfo> registered{{
    .name = "infoscale",
    .aliases = {},
    .kind = "scale",
    .title = "InfoScale: sharper logits past the trained length, by information",
    .formula = "c(i) = max(1, sqrt(1 - (i + 1)^(-2/D)) / sqrt(1 - trained^(-2/D))), D = head_dim",
    .source = "arXiv 2501.08570 (2025); HT-NEKO/Information-Entropy-Invariance 66d4543",
    .differs = "the clipped form, as one of the released code's paths has it (another starts at c(0) = 0); "
               "D is the dims of a head (one path takes all heads' dims)",
    .parameters = {trained_parameter()},
    .example = "infoscale:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::infoscale
