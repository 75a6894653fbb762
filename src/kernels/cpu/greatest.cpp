// SPDX-License-Identifier: Apache-2.0
/// Both walk from one number that is above what they hold to the next: of n in any order few are, and a
/// vector comparison passes the others (150,000 logits: the time to read them from the cache).
#include "kernels/cpu/greatest.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rw::cpu {

Token greatest(const Isa& isa, const float* x, Index n) {
  Index best = 0;
  float top = -std::numeric_limits<float>::infinity();  // as all may be
  for (Index i = isa.next_above(x, 0, n, top); i < n; i = isa.next_above(x, i + 1, n, top)) {
    if (std::isnan(x[i])) return kNoToken;
    best = i, top = x[i];
  }
  return static_cast<Token>(best);
}

void top_k(const Isa& isa, const float* x, Index n, Index k, Token* ids, float* values) {
  // A heap of indices whose first is the worst: the smallest number, of equal ones the last.
  const auto better = [x](Token a, Token b) { return x[a] > x[b] || (x[a] == x[b] && a < b); };
  bool numbers = true;
  for (Index i = 0; i < k; ++i) {
    ids[i] = static_cast<Token>(i);
    numbers = numbers && !std::isnan(x[i]);
  }
  if (numbers) std::make_heap(ids, ids + k, better);
  for (Index i = k; numbers && (i = isa.next_above(x, i, n, x[ids[0]])) < n; ++i) {
    numbers = !std::isnan(x[i]);
    if (!numbers) break;
    std::pop_heap(ids, ids + k, better);
    ids[k - 1] = static_cast<Token>(i);
    std::push_heap(ids, ids + k, better);
  }
  if (numbers) std::sort_heap(ids, ids + k, better);
  for (Index i = 0; i < k; ++i) {
    if (!numbers) ids[i] = kNoToken;
    values[i] = numbers ? x[ids[i]] : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace rw::cpu
