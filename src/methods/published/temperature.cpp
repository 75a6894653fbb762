// SPDX-License-Identifier: Apache-2.0
/// A constant factor on all logits.
#include "methods/factors.h"

namespace rw::published::temperature {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  (void)context;
  return with_scale([value = p.number("value", 1, 1e-6, 1000)](Index) { return value; });
}

const Register<MethodInfo> registered{{
    .name = "temperature",
    .aliases = {},
    .kind = "scale",
    .title = "constant logit scale",
    .formula = "c(i) = value",
    .source = "the inverse softmax temperature; used by Peng et al. 2023, arXiv 2309.00071, section 3.4",
    .differs = "acts on the whole logit, unlike yarn's, which acts on the rotated dims",
    .parameters = {{"value", "factor on the logits", "", "1e-6 to 1000", "1"}},
    .example = "temperature:value=1.2",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::temperature
