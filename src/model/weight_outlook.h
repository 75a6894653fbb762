// SPDX-License-Identifier: Apache-2.0
/// What is said of a model whose weights are more than the memory for them, before it is run.
#pragma once
#include <string>

#include "core/json.h"
#include "model/weight_pager.h"

namespace ropewalk {

/// Bytes, the disk's speed and the tokens/s that follow from it; empty where all weights fit. Measures the
/// disk (WeightPager::disk).
std::string weight_words(const WeightPager& pager);
/// {"bytes", "room"}: of weights, and memory for them (null: the system does not say), and where they do not
/// fit {"read_for_token", "read_for_chunk": bytes from the disk, "disk": bytes/s, "written", "read": tokens/s
/// by the disk alone, null where it is not read}.
Json weight_json(const WeightPager& pager);

}  // namespace ropewalk
