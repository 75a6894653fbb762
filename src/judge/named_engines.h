// SPDX-License-Identifier: Apache-2.0
/// A name is one engine in a file of results.
#pragma once
#include "judge/plan.h"
#include "results/store.h"

namespace rw {

/// Errors: Error where the store has results of another engine under a name that the items have: no report
/// could show both.
void require_engines(const Store& store, const std::vector<Item>& items);

}  // namespace rw
