// SPDX-License-Identifier: Apache-2.0
/// A rank behind the first: measures what the first one hands out (judge/coordinator.h), and knows neither
/// plan nor texts nor store.
#pragma once
#include <memory>

#include "judge/coordinator.h"

namespace rw {

/// Until the first rank says that this is all. A thread speaks with it meanwhile, so that nobody else may
/// call `ranks`. Errors: those of the items, among them Error where this machine has too little memory for
/// one; Error where the first rank is silent for long.
void work_items(const std::shared_ptr<Ranks>& ranks, const Model& model, const Tokenizer& tokenizer,
                const RankTimes& times);

}  // namespace rw
