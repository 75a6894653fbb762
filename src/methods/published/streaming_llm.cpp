// SPDX-License-Identifier: Apache-2.0
/// StreamingLLM: attention sinks, and positions counted inside the cache.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::streaming_llm {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index sink = p.integer("sink", 4, 0, Index{1} << 30);
  const Index window = p.integer("window", context.n_ctx_train - sink, 1, Index{1} << 30);
  require_causal(p, context,
                 "its positions are slots of a cache; lambda keeps the first tokens and a window");
  const Index last_slot = sink + window - 1;
  // Until the cache is full the slot of every key is its position.
  FarRegion far{.far_end = [=](Index i) { return i > last_slot ? sink : 0; },
                .query_position = [=](Index) { return static_cast<double>(last_slot); },
                .key_position = {}};
  Factors factors = with_distance(near_far_map(std::move(far), [=](Index i, Index j) {
    return static_cast<double>(j < sink ? std::min(i, last_slot) - j : i - j);
  }));
  factors.mask = lambda_mask(context, sink, window);
  return factors;
}

const Register<MethodInfo> registered{{
    .name = "streaming-llm",
    .aliases = {},
    .kind = "distance and mask",
    .title = "StreamingLLM: sinks, positions as cache slots",
    .formula = "visible(i, j): i - j < window or j < sink; delta(i, j) = min(i, sink + window - 1) - j "
               "where j < sink, else i - j",
    .source = "Xiao et al. 2023, arXiv 2309.17453; mit-han-lab/streaming-llm",
    .differs = "the window counts the query itself (the released code attends to one key more); keys are "
               "rotated once, since a sink's slot never changes and only distances matter; prefill and "
               "decoding agree",
    .parameters = {{"sink", "first keys that stay visible", "tokens", "0 to 2^30", "4"},
                   window_parameter("trained - sink")},
    .example = "streaming-llm:sink=2,window=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::streaming_llm
