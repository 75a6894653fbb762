// SPDX-License-Identifier: Apache-2.0
#include "methods/both_directions.h"

#include <algorithm>

namespace rw {
namespace {

/// Distances [begin, end) to the right, and the region that sees them.
struct Span {
  Index begin = 0, end = 0;
  int region = 0;
};

/// Adds the mirror image of region `r`; its index.
int mirror_region(DistanceMap& map, int r) {
  const DistanceMap::RegionMap region = map.regions[static_cast<std::size_t>(r)];
  const auto key = map.variants[static_cast<std::size_t>(region.variant)].key_position;
  if (region.query_position(0) == key(0)) return r;
  map.regions.push_back(
      {[key, query = region.query_position](Index i) { return 2 * key(i) - query(i); }, region.variant});
  return static_cast<int>(map.regions.size()) - 1;
}

}  // namespace

DistanceMap both_directions(DistanceMap map, Index n) {
  // The last row has every distance: what it sees on its left others see on their right.
  const Segments last = map.split(n - 1);
  RW_CHECK(last.size() <= kMirroredRegions);
  std::vector<Span> right;
  for (int s = last.size() - 1; s >= 0; --s) {  // from near to far
    const Segment& segment = last[static_cast<std::size_t>(s)];
    right.push_back({n - segment.end, n - segment.begin, mirror_region(map, segment.region)});
  }
  map.split = [left = std::move(map.split), right = std::move(right), n](Index i) {
    Segments segments = left(i);
    for (const Span& span : right) {
      const Index begin = std::max(i + span.begin, i + 1), end = std::min(i + span.end, n);
      if (begin < end) segments.push_back({begin, end, span.region});
    }
    return segments;
  };
  map.delta = [left = std::move(map.delta)](Index i, Index j) { return j <= i ? left(i, j) : -left(j, i); };
  return map;
}

}  // namespace rw
