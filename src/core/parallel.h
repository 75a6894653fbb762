// SPDX-License-Identifier: Apache-2.0
/// The only place that names threads. OpenMP, because oneDNN uses it too: one pool.
#pragma once
#include <functional>

#include "core/types.h"

namespace ropewalk {

/// 0 = all cores. Set once before the work starts (-t).
void set_threads(int n);
int threads();
/// Calls body(i, thread) for i in [0, n), each once, in any order; threads take the next free i.
/// `thread` is in [0, threads()). body must not throw.
void parallel_for(Index n, const std::function<void(Index i, int thread)>& body);

}  // namespace ropewalk
