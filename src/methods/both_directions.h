// SPDX-License-Identifier: Apache-2.0
/// What a distance map is where a row sees keys on both sides of it (encoders): its own mirror image.
#pragma once
#include "methods/method.h"

namespace rw {

/// delta(i, j) as it was for j <= i, and delta(i, j) = -delta(j, i) for j > i, for rows and keys below n.
///
/// Of a map where region r holds the keys at distances in [lo_r, hi_r) and sees them at query_position(i) -
/// key_position(j), where these differ by a constant at i = j (every map but those that refuse: what a pair
/// gets depends on where the keys stand, not on a cache): to the right the same keys' positions do, and the
/// query stands as far on their other side, at 2 key_position(i) - query_position(i). So a mirrored map has
/// no more variants of keys, and at most twice the regions; one whose query stands where its key does is its
/// own mirror. REQUIRES: as said, and kMirroredRegions regions in a row at most. Thread-safe.
DistanceMap both_directions(DistanceMap map, Index n);

/// Regions of one row that have a mirror image: with it they are as many as kernels take.
inline constexpr int kMirroredRegions = 4;

}  // namespace rw
