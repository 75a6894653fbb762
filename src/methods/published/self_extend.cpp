// SPDX-License-Identifier: Apache-2.0
/// Self-Extend: beyond the window, positions are counted in groups.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::self_extend {
namespace {

/// Where everything is inside the window nothing is grouped.
Index default_group(const Parameters& p, const RopeContext& context, Index window) {
  if (context.n <= window) return 1;
  for (Index group = 1; group <= window; ++group)
    if (window % group == 0 && 3 * (window * group + context.n - window) <= 2 * context.n_ctx_train * group)
      return group;
  p.refuse("a window that some group divides so that n tokens fit in 2/3 of the trained length",
           fmt::format("window {} for {} tokens", window, context.n), "give window and group yourself");
}

Factors build(const Parameters& p, const RopeContext& context) {
  const Index window = p.integer("window", context.n_ctx_train / 4, 1, Index{1} << 30);
  const Index group =
      p.integer("group", p.fixed("group") ? 1 : default_group(p, context, window), 1, Index{1} << 30);
  if (window % group != 0)
    p.refuse("a group that divides window", fmt::format("window {} and group {}", window, group),
             fmt::format("window={} would do", std::max<Index>(1, window / group) * group));
  if (group == 1) return with_distance(identity_map());
  const auto slot = [group](Index i) { return i / group; };  // floor: positions are not negative
  const Index shift = window - slot(window);
  FarRegion far{.far_end = beyond(window),
                .query_position = [=](Index i) { return static_cast<double>(slot(i) + shift); },
                .key_position = [=](Index j) { return static_cast<double>(slot(j)); },
                .near_window = window};
  return with_distance(near_far_map(std::move(far), [=](Index i, Index j) {
    return static_cast<double>(i - j < window ? i - j : i / group - j / group + window - window / group);
  }));
}

const Register<MethodInfo> registered{{
    .name = "self-extend",
    .aliases = {},
    .kind = "distance",
    .title = "Self-Extend: grouped positions beyond the window",
    .formula = "delta(i, j) = i - j where i - j < window, else floor(i / group) - floor(j / group) + "
               "window - window / group",
    .source = "Jin et al. 2024, arXiv 2401.01325; datamllab/LongLM",
    .differs = "window must be a multiple of group: elsewhere the released code divides with and without "
               "a remainder in different places, and distances jump; prefill and decoding agree",
    .parameters = {window_parameter("trained / 4"),
                   {"group", "positions that share one number beyond the window", "tokens",
                    "1 to window, dividing it",
                    "smallest with window + (n - window) / group <= 2/3 trained that divides window"}},
    .example = "self-extend:window=4,group=2",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::self_extend
