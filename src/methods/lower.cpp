// SPDX-License-Identifier: Apache-2.0
/// Lowering: a bound method becomes the plain numbers that kernels read. A mask is only shorter segments:
/// the distance map's segments of a row are cut by the mask's ranges.
#include <algorithm>
#include <bit>

#include "methods/bound.h"

namespace rw {
namespace {

/// The pieces of `segments` inside `ranges` (both sorted and disjoint), appended to `out`. Neighbours seen
/// through the same region become one, so that a row that no method changes is one segment.
void intersect(const Segments& segments, const KeyRanges& ranges, std::vector<Segment>& out) {
  const std::size_t first = out.size();
  const Segment* s = segments.begin();
  const auto* r = ranges.begin();
  while (s != segments.end() && r != ranges.end()) {
    const Index begin = std::max(s->begin, r->first);
    const Index end = std::min(s->end, r->second);
    if (begin < end) {
      if (out.size() > first && out.back().end == begin && out.back().region == s->region) {
        out.back().end = end;
      } else {
        out.push_back({begin, end, s->region});
      }
    }
    if (s->end < r->second) {
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
  AttentionPlan plan;
  lower(row_begin, n_rows, plan);
  return plan;
}

void Method::lower(Index row_begin, Index n_rows, AttentionPlan& plan, Context* context) const {
  const Bound& b = *bound_;
  RW_CHECK(row_begin >= 0 && n_rows >= 0 && (b.n_both == 0 || row_begin + n_rows <= b.n_both));
  plan.row_begin = row_begin;
  plan.n_rows = n_rows;
  plan.theta = b.frequencies.theta;
  plan.rotary_gain = static_cast<float>(b.frequencies.rotary_gain);
  plan.soft_cap = static_cast<float>(b.soft_cap);
  plan.regions.resize(b.distance.regions.size());
  for (std::size_t region = 0; region < plan.regions.size(); ++region) {
    const DistanceMap::RegionMap& map = b.distance.regions[region];
    Region& lowered = plan.regions[region];
    lowered.variant = map.variant;
    lowered.query_position.resize(static_cast<std::size_t>(n_rows));
    for (Index r = 0; r < n_rows; ++r)
      lowered.query_position[static_cast<std::size_t>(r)] = map.query_position(row_begin + r);
    lowered.rotation.make(lowered.query_position, plan.theta, context);
  }
  plan.segments.clear();
  plan.row_scale.clear();
  plan.segment_begin.assign(1, 0);
  for (Index i = row_begin; i < row_begin + n_rows; ++i) {
    intersect(b.distance.split(i), b.mask.ranges(i), plan.segments);
    plan.segment_begin.push_back(static_cast<Index>(plan.segments.size()));
    plan.row_scale.push_back(static_cast<float>(b.scale(i) / b.root));
  }
}

KeyPlan Method::lower_keys(Index key_begin, Index n_keys, bool tables) const {
  KeyPlan plan;
  lower_keys(key_begin, n_keys, plan, tables);
  return plan;
}

void Method::lower_keys(Index key_begin, Index n_keys, KeyPlan& plan, bool tables, Context* context) const {
  RW_CHECK(key_begin >= 0 && n_keys >= 0);
  const Bound& b = *bound_;
  plan.key_begin = key_begin;
  plan.n_keys = n_keys;
  plan.theta = b.frequencies.theta;
  plan.variants.resize(b.distance.variants.size());
  for (std::size_t v = 0; v < plan.variants.size(); ++v) {
    const DistanceMap::Variant& variant = b.distance.variants[v];
    KeyPlan::Variant& lowered = plan.variants[v];
    // Read implies (j < s or i - j < w) of the variant and of the mask, hence of the larger sink and the
    // smaller window.
    lowered.sink = std::max(variant.sink, b.mask.sink);
    lowered.window = std::min(variant.window, b.mask.window);
    lowered.position.resize(static_cast<std::size_t>(n_keys));
    for (Index k = 0; k < n_keys; ++k)
      lowered.position[static_cast<std::size_t>(k)] = variant.key_position(key_begin + k);
    if (tables) lowered.rotation.make(lowered.position, plan.theta, context);
  }
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
  if (b.n_both > 0) n = b.n_both;  // every row sees all keys
  Hash hash;
  for (const double theta : b.frequencies.theta) hash.add(theta);
  hash.add(b.frequencies.rotary_gain);
  hash.add(b.soft_cap);
  hash.add(static_cast<std::uint64_t>(b.scaling.grow));
  FirstMet regions;
  std::vector<Segment> segments;
  for (Index i = 0; i < n; ++i) {
    segments.clear();
    intersect(b.distance.split(i), b.mask.ranges(i), segments);
    hash.add(static_cast<std::uint64_t>(segments.size()));
    hash.add(b.scale(i) / b.root);
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
  // What a growing method does at shorter lengths, or another in other layers, is not in the numbers above.
  return fmt::format("{:016x}{}", hash.value(), b.scaling.grow || b.by_class ? " " + b.text : "");
}

bool Method::same_up_to(Index n, const Method& other) const {
  const Bound &a = *bound_, &b = *other.bound_;
  const auto kept = [](const Bound& of, const DistanceMap::Variant& variant) {
    return std::pair(std::max(variant.sink, of.mask.sink), std::min(variant.window, of.mask.window));
  };
  if (a.distance.variants.size() != b.distance.variants.size()) return false;
  for (std::size_t v = 0; v < a.distance.variants.size(); ++v) {
    const DistanceMap::Variant &mine = a.distance.variants[v], &its = b.distance.variants[v];
    if (kept(a, mine) != kept(b, its)) return false;
    for (Index j = 0; j < n; ++j)
      if (mine.key_position(j) != its.key_position(j)) return false;
  }
  return fingerprint(n) == other.fingerprint(n);
}

}  // namespace rw
