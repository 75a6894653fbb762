// SPDX-License-Identifier: Apache-2.0
#include "core/parallel.h"

#include <omp.h>

namespace ropewalk {

void set_threads(int n) { omp_set_num_threads(n > 0 ? n : omp_get_num_procs()); }

int threads() { return omp_get_max_threads(); }

void parallel_for(Index n, const std::function<void(Index, int)>& body) {
  if (n <= 1 || threads() == 1) {
    for (Index i = 0; i < n; ++i) body(i, 0);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (Index i = 0; i < n; ++i) body(i, omp_get_thread_num());
}

}  // namespace ropewalk
