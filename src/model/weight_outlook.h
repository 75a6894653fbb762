// SPDX-License-Identifier: Apache-2.0
/// What is said of a model whose weights are more than the memory for them, before it is run.
#pragma once
#include <string>

#include "core/json.h"
#include "model/weight_pager.h"

namespace rw {

struct Weights;

/// Of chunks of kDefaultChunk rows.
struct WeightOutlook {
  WeightPlan plan;
  PassSpeeds speeds;  ///< 0 where all weights fit
  PassTimes times;
};
/// Measures the disk (WeightPager::measure_disk) and, of `weights` where they are given, products of a layer:
/// half a second each. Without them products count nothing.
WeightOutlook weight_outlook(const WeightPager& pager, const Weights* weights, const Backend* backend);

/// Bytes, the disk's speed and the tokens/s that follow; empty where all weights fit.
std::string words_of(const WeightOutlook& outlook);
/// {"bytes", "room"}: of weights, and memory for them (null: the system does not say), and where they do not
/// fit {"read_for_token", "read_for_chunk": bytes from the disk, "disk": bytes/s, "written", "read":
/// tokens/s}.
Json json_of(const WeightOutlook& outlook);

}  // namespace rw
