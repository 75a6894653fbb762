// SPDX-License-Identifier: Apache-2.0
/// Lowering: a bound method becomes the plain numbers that kernels read. A mask is only shorter segments:
/// the distance map's segments of a row are cut by the mask's ranges.
#include <algorithm>
#include <bit>
#include <cmath>

#include "methods/bound.h"

namespace ropewalk {
namespace {

/// The pieces of `segments` inside `ranges` (both sorted and disjoint), appended to `out`. Neighbours seen
/// through the same region become one, so that a row that no method changes is one segment.
void intersect(const std::vector<Segment>& segments, const std::vector<std::pair<Index, Index>>& ranges,
               std::vector<Segment>& out) {
  const std::size_t first = out.size();
  std::size_t s = 0, r = 0;
  while (s < segments.size() && r < ranges.size()) {
    const Index begin = std::max(segments[s].begin, ranges[r].first);
    const Index end = std::min(segments[s].end, ranges[r].second);
    if (begin < end) {
      if (out.size() > first && out.back().end == begin && out.back().region == segments[s].region) {
        out.back().end = end;
      } else {
        out.push_back({begin, end, segments[s].region});
      }
    }
    if (segments[s].end < ranges[r].second) {
      ++s;
    } else {
      ++r;
    }
  }
}

/// FNV-1a over 64-bit words, with a last mix.
class Hash {
 public:
  void add(std::uint64_t word) { state_ = std::rotl((state_ ^ word) * 0x9e3779b97f4a7c15u, 29); }
  void add(double value) { add(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value)); }
  std::uint64_t value() const { return (state_ ^ (state_ >> 31)) * 0xbf58476d1ce4e5b9u; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

/// Numbers things in the order they are first met: unused regions do not show in a fingerprint.
struct FirstMet {
  std::vector<int> met;
  std::uint64_t operator()(int what) {
    const auto found = std::find(met.begin(), met.end(), what);
    const auto number = static_cast<std::uint64_t>(found - met.begin());
    if (found == met.end()) met.push_back(what);
    return number;
  }
};

}  // namespace

AttentionPlan Method::lower(Index row_begin, Index n_rows) const {
  RW_CHECK(row_begin >= 0 && n_rows >= 0);
  const Bound& b = *bound_;
  AttentionPlan plan;
  plan.row_begin = row_begin;
  plan.n_rows = n_rows;
  plan.theta = b.frequencies.theta;
  plan.rotary_gain = static_cast<float>(b.frequencies.rotary_gain);
  for (const DistanceMap::RegionMap& region : b.distance.regions) {
    Region lowered{std::vector<double>(static_cast<std::size_t>(n_rows)), {}, region.variant};
    for (Index r = 0; r < n_rows; ++r)
      lowered.query_position[static_cast<std::size_t>(r)] = region.query_position(row_begin + r);
    lowered.rotation = {lowered.query_position, plan.theta};
    plan.regions.push_back(std::move(lowered));
  }
  const double root = std::sqrt(static_cast<double>(b.head_dim));
  plan.segment_begin.push_back(0);
  for (Index i = row_begin; i < row_begin + n_rows; ++i) {
    intersect(b.distance.split(i), b.mask.ranges(i), plan.segments);
    plan.segment_begin.push_back(static_cast<Index>(plan.segments.size()));
    plan.row_scale.push_back(static_cast<float>(b.scale(i) / root));
  }
  return plan;
}

KeyPlan Method::lower_keys(Index key_begin, Index n_keys, bool tables) const {
  RW_CHECK(key_begin >= 0 && n_keys >= 0);
  const Bound& b = *bound_;
  KeyPlan plan{key_begin, n_keys, b.frequencies.theta, {}};
  for (const DistanceMap::Variant& variant : b.distance.variants) {
    // Read implies (j < s or i - j < w) of the variant and of the mask, hence of the larger sink and the
    // smaller window.
    KeyPlan::Variant lowered{std::vector<double>(static_cast<std::size_t>(n_keys)),
                             std::max(variant.sink, b.mask.sink),
                             std::min(variant.window, b.mask.window),
                             {}};
    for (Index k = 0; k < n_keys; ++k)
      lowered.position[static_cast<std::size_t>(k)] = variant.key_position(key_begin + k);
    if (tables) lowered.rotation = {lowered.position, plan.theta};
    plan.variants.push_back(std::move(lowered));
  }
  return plan;
}

KeyPlan Method::raw_keys(Index key_begin, Index n_keys) const {
  RW_CHECK(key_begin >= 0 && n_keys >= 0);
  const std::vector<double> positions(static_cast<std::size_t>(n_keys));
  const std::vector<double>& theta = bound_->frequencies.theta;
  return {key_begin,
          n_keys,
          theta,
          {{positions, bound_->mask.sink, bound_->mask.window, RotationTable(positions, theta)}}};
}

std::string Method::fingerprint(Index n) const {
  const Bound& b = *bound_;
  Hash hash;
  for (const double theta : b.frequencies.theta) hash.add(theta);
  hash.add(b.frequencies.rotary_gain);
  hash.add(static_cast<std::uint64_t>(b.scaling.grow));
  FirstMet regions;
  std::vector<Segment> segments;
  for (Index i = 0; i < n; ++i) {
    segments.clear();
    intersect(b.distance.split(i), b.mask.ranges(i), segments);
    hash.add(static_cast<std::uint64_t>(segments.size()));
    hash.add(b.scale(i));
    for (const Segment& s : segments) {
      hash.add(static_cast<std::uint64_t>(s.begin));
      hash.add(static_cast<std::uint64_t>(s.end));
      hash.add(regions(s.region));
      hash.add(b.distance.regions[static_cast<std::size_t>(s.region)].query_position(i));
    }
  }
  FirstMet variants;
  for (const int region : regions.met)
    hash.add(variants(b.distance.regions[static_cast<std::size_t>(region)].variant));
  for (const int variant : variants.met)
    for (Index j = 0; j < n; ++j)
      hash.add(b.distance.variants[static_cast<std::size_t>(variant)].key_position(j));
  // What a growing method does at shorter lengths is not in the numbers above.
  return fmt::format("{:016x}{}", hash.value(), b.scaling.grow ? " " + b.text : "");
}

}  // namespace ropewalk
