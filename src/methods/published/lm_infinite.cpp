// SPDX-License-Identifier: Apache-2.0
/// LM-Infinite: the Lambda mask with one distance for all far first keys.
#include "methods/factors.h"

namespace rw::published::lm_infinite {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index sink = p.integer("sink", 10, 1, Index{1} << 30);
  const Index window = p.integer("window", context.n_ctx_train - sink, 1, Index{1} << 30);
  const auto limit = static_cast<double>(window);
  FarRegion far{.far_end = beyond(window),
                .query_position = [=](Index) { return limit; },
                .key_position = [](Index) { return 0.0; },
                .near_window = window,
                .sink = sink,
                .window = 0};
  Factors factors = with_distance(near_far_map(std::move(far), [=](Index i, Index j) {
    return j < sink && i - j >= window ? limit : static_cast<double>(i - j);
  }));
  factors.mask = lambda_mask(context, sink, window);
  return factors;
}

const Register<MethodInfo> registered{{
    .name = "lm-infinite",
    .aliases = {},
    .kind = "distance and mask",
    .title = "LM-Infinite: Lambda mask and a distance limit",
    .formula = "visible(i, j): i - j < window or j < sink; delta(i, j) = window where j < sink and i - j "
               ">= window, else i - j",
    .source = "Han et al. 2023, arXiv 2308.16137; Glaciohound/LM-Infinite",
    .differs = "the optional middle top-k keys are left out; far first keys are unrotated, the query "
               "sits at window",
    .parameters = {{"sink", "first keys that stay visible", "tokens", "1 to 2^30", "10"},
                   window_parameter("trained - sink")},
    .example = "lm-infinite:sink=2,window=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::lm_infinite
