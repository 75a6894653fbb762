// SPDX-License-Identifier: Apache-2.0
/// The model as trained: plain RoPE, with the model's own scaling and window.
#include "methods/factors.h"

namespace rw::published::none {
namespace {

Factors build(const Parameters&, const RopeContext&) { return {}; }

const Register<MethodInfo> registered{{
    .name = "none",
    .aliases = {},
    .kind = "none",
    .title = "plain RoPE: the model as trained",
    .formula = "theta_m = base^(-2m/d), m = 0 .. d/2 - 1; delta(i, j) = i - j",
    .source = "Su et al. 2021, arXiv 2104.09864",
    .differs = "the model's own scaling and sliding window, if it has them, are included",
    .parameters = {},
    .example = "none",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::none
