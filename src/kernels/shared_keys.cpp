// SPDX-License-Identifier: Apache-2.0
#include "kernels/shared_keys.h"

#include "core/error.h"

namespace rw {
namespace {

/// Rows [begin, begin + n) of a table of `half` numbers each.
RotationTable rows_of_table(const RotationTable& table, std::size_t half, Index begin, Index n) {
  RotationTable some;
  const auto from = static_cast<std::ptrdiff_t>(half) * begin,
             to = static_cast<std::ptrdiff_t>(half) * (begin + n);
  some.cosine.assign(table.cosine.begin() + from, table.cosine.begin() + to);
  some.sine.assign(table.sine.begin() + from, table.sine.begin() + to);
  return some;
}

}  // namespace

/// Of a row's window of w keys at most share.most_held(w) are held, so that many behind held(row) hold them.
KeyPlan::Variant counted_in(const KeyPlan::Variant& variant, const KeyShare& share) {
  KeyPlan::Variant own;
  own.sink = share.held(variant.sink);
  own.window = variant.window == 0 || variant.window >= kForever ? variant.window
                                                                 : share.most_held(variant.window) + 1;
  return own;
}

KeyPlan part_of(const KeyPlan& plan, const KeyShare& share, Index begin, Index n) {
  KeyPlan part;
  part.key_begin = share.held(begin), part.n_keys = n, part.theta = plan.theta;
  const Index at = begin - plan.key_begin;
  for (const KeyPlan::Variant& variant : plan.variants) {
    KeyPlan::Variant own = counted_in(variant, share);
    own.position.assign(variant.position.begin() + at, variant.position.begin() + at + n);
    if (!variant.rotation.cosine.empty())
      own.rotation = rows_of_table(variant.rotation, plan.theta.size(), at, n);
    part.variants.push_back(std::move(own));
  }
  return part;
}

KeyPlan held_of(const KeyPlan& plan, const KeyShare& share) {
  RW_CHECK(plan.key_begin == 0);
  KeyPlan held;
  held.n_keys = share.held(plan.n_keys), held.theta = plan.theta;
  for (const KeyPlan::Variant& variant : plan.variants) {
    KeyPlan::Variant own = counted_in(variant, share);
    for (Index key = 0; key < plan.n_keys; ++key)
      if (share.held(key + 1) > share.held(key))
        own.position.push_back(variant.position[static_cast<std::size_t>(key)]);
    held.variants.push_back(std::move(own));
  }
  return held;
}

AttentionPlan rows_of(const AttentionPlan& plan, std::span<const Index> rows) {
  AttentionPlan some;
  some.row_begin = plan.row_begin, some.n_rows = static_cast<Index>(rows.size()), some.theta = plan.theta;
  some.rotary_gain = plan.rotary_gain, some.soft_cap = plan.soft_cap;
  for (const Region& region : plan.regions) {
    Region& own = some.regions.emplace_back();
    own.variant = region.variant;
    const std::size_t half = plan.theta.size();
    for (const Index row : rows) {
      const auto at = static_cast<std::ptrdiff_t>(half) * row, end = at + static_cast<std::ptrdiff_t>(half);
      own.query_position.push_back(region.query_position[static_cast<std::size_t>(row)]);
      const RotationTable& table = region.rotation;
      own.rotation.cosine.insert(own.rotation.cosine.end(), table.cosine.begin() + at,
                                 table.cosine.begin() + end);
      own.rotation.sine.insert(own.rotation.sine.end(), table.sine.begin() + at, table.sine.begin() + end);
    }
  }
  some.segment_begin.push_back(0);
  for (const Index row : rows) {
    const auto at = static_cast<std::size_t>(row);
    some.segments.insert(some.segments.end(), plan.segments.begin() + plan.segment_begin[at],
                         plan.segments.begin() + plan.segment_begin[at + 1]);
    some.segment_begin.push_back(static_cast<Index>(some.segments.size()));
    some.row_scale.push_back(plan.row_scale[at]);
  }
  return some;
}

}  // namespace rw
