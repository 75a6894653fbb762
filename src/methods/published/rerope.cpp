// SPDX-License-Identifier: Apache-2.0
/// ReRoPE: no distance is ever larger than the window.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::rerope {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index window = p.integer("window", context.n_ctx_train / 4, 1, Index{1} << 30);
  const auto cap = static_cast<double>(window);
  FarRegion far{.far_end = beyond(window),
                .query_position = [cap](Index) { return cap; },
                .key_position = [](Index) { return 0.0; },
                .near_window = window};
  return with_distance(near_far_map(
      std::move(far), [window](Index i, Index j) { return static_cast<double>(std::min(i - j, window)); }));
}

const Register<MethodInfo> registered{{
    .name = "rerope",
    .aliases = {},
    .kind = "distance",
    .title = "ReRoPE: distances cut at the window",
    .formula = "delta(i, j) = min(i - j, window)",
    .source = "Su Jianlin 2023, kexue.fm/archives/9708; bojone/rerope",
    .differs = "none in the distances; the released code doubles the logits matrix, here each key is "
               "seen once",
    .parameters = {window_parameter("trained / 4")},
    .example = "rerope:window=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::rerope
