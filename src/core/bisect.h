// SPDX-License-Identifier: Apache-2.0
/// The greatest number that something holds for.
#pragma once
#include "core/types.h"

namespace rw {

/// The greatest n of 0 .. most with holds(n), where it holds for all n below one that it holds for; 0 is not
/// asked.
template <class Holds>
Index greatest_that(Index most, const Holds& holds) {
  Index low = 0;
  while (low < most) {
    const Index middle = low + (most - low + 1) / 2;
    holds(middle) ? low = middle : most = middle - 1;
  }
  return low;
}

}  // namespace rw
