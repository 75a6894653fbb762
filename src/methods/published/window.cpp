// SPDX-License-Identifier: Apache-2.0
/// A sliding window: old keys are not seen at all.
#include "methods/factors.h"

namespace rw::published::window {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index window = p.integer("window", context.n_ctx_train, 1, Index{1} << 30);
  return with_mask(lambda_mask(context, 0, window));
}

const Register<MethodInfo> registered{{
    .name = "window",
    .aliases = {},
    .kind = "mask",
    .title = "sliding window",
    .formula = "visible(i, j): i - j < window",
    .source = "Beltagy et al. 2020, arXiv 2004.05150; transformers sliding_window",
    .differs = "none; the window counts the query itself",
    .parameters = {window_parameter("trained")},
    .example = "window:window=6",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::window
