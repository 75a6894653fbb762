// SPDX-License-Identifier: Apache-2.0
/// The Lambda-shaped mask alone: the first keys and the last ones, at their true distances.
#include "methods/factors.h"

namespace rw::published::lambda {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index sink = p.integer("sink", 4, 0, Index{1} << 30);
  const Index window = p.integer("window", context.n_ctx_train - sink, 1, Index{1} << 30);
  return with_mask(lambda_mask(context, sink, window));
}

const Register<MethodInfo> registered{{
    .name = "lambda",
    .aliases = {},
    .kind = "mask",
    .title = "Lambda mask: first keys and a window",
    .formula = "visible(i, j): i - j < window or j < sink; delta(i, j) = i - j",
    .source = "Han et al. 2023, arXiv 2308.16137 (the mask without its distance limit)",
    .differs = "distances to the first keys are the true ones, untrained beyond the trained length; see "
               "streaming-llm and lm-infinite",
    .parameters = {{"sink", "first keys that stay visible", "tokens", "0 to 2^30", "4"},
                   window_parameter("trained - sink")},
    .example = "lambda:sink=2,window=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::lambda
