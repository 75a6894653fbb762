// SPDX-License-Identifier: Apache-2.0
/// The only place that names threads: one pool, whose threads wait briefly in a loop (a step of a model has
/// some 200 parallel parts) and then sleep, so that they do not take the cores of other programs.
#pragma once
#include <type_traits>

#include "core/types.h"

namespace ropewalk {

/// Cores that this process may use: those of its affinity and cpuset, as far as its container's quota of
/// processor time goes (machine_limits.h). Read once.
int usable_cores();
/// 0 = usable_cores(). Set before the work starts (-t); not while parallel_for runs.
void set_threads(int n);
int threads();

namespace detail {
using Body = void (*)(const void* context, Index i, int thread);
void run_parallel(Index n, Body body, const void* context);
}  // namespace detail

/// Calls body(i, thread) for i in [0, n), each once, in any order; threads take the next free i.
/// `thread` is in [0, threads()). Inside a body it runs in the calling thread alone, and calls from several
/// threads take turns. Does not allocate once the threads are there.
/// Errors: what a body throws, in whichever thread, is thrown again here once all bodies that began have
/// ended; of several the one of the smallest i, so that the error is the same for any number of threads.
/// Later i may not have run. Error when the system gives too few threads. A child of fork() makes threads of
/// its own when it first needs them. REQUIRES: no fork() inside a body.
template <class F>
void parallel_for(Index n, const F& body) {
  detail::run_parallel(
      n, [](const void* f, Index i, int thread) { (*static_cast<const F*>(f))(i, thread); }, &body);
}

}  // namespace ropewalk
