// SPDX-License-Identifier: Apache-2.0
/// log-n: logits grow with the number of keys, so that attention stays as sharp.
#include <algorithm>
#include <cmath>

#include "methods/factors.h"

namespace rw::published::logn {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const auto trained = static_cast<double>(read_trained(p, context));
  return with_scale([trained, keys = keys_of_row(context)](Index i) {
    return std::max(1.0, std::log(keys(i)) / std::log(trained));
  });
}

const Register<MethodInfo> registered{{
    .name = "logn",
    .aliases = {},
    .kind = "scale",
    .title = "log-n: sharper logits past the trained length",
    .formula = "c(i) = max(1, ln(i + 1) / ln(trained))",
    .source = "Su Jianlin 2021, kexue.fm/archives/8823; bojone/rerope",
    .differs = "none: the clipped form, used at inference only",
    .parameters = {trained_parameter()},
    .example = "logn:trained=8",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::logn
