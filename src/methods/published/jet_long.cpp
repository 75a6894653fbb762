// SPDX-License-Identifier: Apache-2.0
/// Jet-Long: two views of a text, exact nearby and grouped beyond, with the group from the length.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::jet_long {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index window = p.integer("window", context.n_ctx_train / 4, 1, Index{1} << 30);
  const Index group =
      p.integer("group", (context.n + context.n_ctx_train - 1) / context.n_ctx_train, 1, Index{1} << 30);
  if (group == 1) return with_distance(identity_map());
  const auto slot = [group](Index i) {
    const Index whole = i / group;  // rounded down: positions of a group share it
    return static_cast<double>(whole);
  };
  FarRegion far{
      .far_end = beyond(window), .query_position = slot, .key_position = slot, .near_window = window};
  return with_distance(near_far_map(std::move(far), [=](Index i, Index j) {
    return static_cast<double>(i - j < window ? i - j : i / group - j / group);
  }));
}

const Register<MethodInfo> registered{{
    .name = "jet-long",
    .aliases = {},
    .kind = "distance",
    .title = "Jet-Long: exact nearby, grouped beyond, the group from the length",
    .formula = "delta(i, j) = i - j where i - j < window, else floor(i / group) - floor(j / group), group = "
               "ceil(n / trained): plain RoPE up to the trained length; at the window's edge distances fall "
               "from window - 1 to about window / group, as published",
    .source = "arXiv 2607.07740 (2026); jet-ai-projects/Jet-Long 3262969",
    .differs = "the group comes from the request's length (the released code's grows whenever the keys so "
               "far cross a multiple of the trained length, which moves every far distance between two "
               "tokens, and one group serves a batch); each key is seen once (the released prefill adds and "
               "subtracts whole attentions); window counts the query itself, so it is w0 + 1; the default is "
               "this program's, the released one is 2049 for 32768 trained tokens",
    .parameters = {window_parameter("trained / 4"),
                   {"group", "positions that share one number beyond the window", "tokens", "1 to 2^30",
                    "n / trained, rounded up"}},
    .example = "jet-long:window=3,group=2",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::jet_long
