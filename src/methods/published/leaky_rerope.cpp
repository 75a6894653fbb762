// SPDX-License-Identifier: Apache-2.0
/// Leaky ReRoPE: beyond the window, distances grow more slowly.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::leaky_rerope {
namespace {

double default_factor(const Parameters& p, const RopeContext& context, Index window) {
  const Index beyond_window = context.n - 1 - window;
  if (beyond_window <= 0) return 1;
  const double room = 2.0 * static_cast<double>(context.n_ctx_train) / 3 - static_cast<double>(window);
  if (room <= 0)
    p.refuse("a window below 2/3 of the trained length, or a factor", fmt::format("window {}", window),
             "no factor brings the distances into the well-trained range");
  return std::max(1.0, few_digits(static_cast<double>(beyond_window) / room));
}

Factors build(const Parameters& p, const RopeContext& context) {
  const Index window = p.integer("window", context.n_ctx_train / 4, 1, Index{1} << 30);
  const double factor =
      p.number("factor", p.fixed("factor") ? 1 : default_factor(p, context, window), 1, Index{1} << 30);
  if (factor == 1) return with_distance(identity_map());
  const auto w = static_cast<double>(window);
  FarRegion far{.far_end = beyond(window),
                .query_position = [=](Index i) { return static_cast<double>(i) / factor + (w - w / factor); },
                .key_position = [=](Index j) { return static_cast<double>(j) / factor; },
                .near_window = window};
  return with_distance(near_far_map(std::move(far), [=](Index i, Index j) {
    const auto r = static_cast<double>(i - j);
    return i - j < window ? r : w + (r - w) / factor;
  }));
}

const Register<MethodInfo> registered{{
    .name = "leaky-rerope",
    .aliases = {},
    .kind = "distance",
    .title = "Leaky ReRoPE: slope 1/factor beyond the window",
    .formula = "delta(i, j) = i - j where i - j < window, else window + (i - j - window) / factor",
    .source = "Su Jianlin 2023, kexue.fm/archives/9708, 9728",
    .differs = "none; far queries sit at i / factor + window (1 - 1 / factor), far keys at j / factor",
    .parameters = {window_parameter("trained / 4"),
                   {"factor", "slope 1/factor beyond the window", "", "1 to 2^30",
                    "smallest with window + (n - 1 - window) / factor <= 2/3 trained, never below 1"}},
    .example = "leaky-rerope:window=4,factor=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::leaky_rerope
