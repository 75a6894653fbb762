// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <tuple>

#include "core/error.h"

namespace rw::cpu {
namespace {

constexpr Index kTilesPerStrip = 4;  // at most: fewer where threads would have none

static_assert(KeyShare::kUnit == kRangeKeys);

constexpr double kLog2E = 1.4426950408889634;

using Scratch = AttentionSpace::Scratch;
using Shared = AttentionSpace::Shared;
using Item = AttentionSpace::Item;
using Split = AttentionSpace::Split;

}  // namespace

void AttentionSpace::Shared::prepare(const AttentionTask& new_task, float* new_lse, int new_n_heads,
                                     Index n_tasks, Context& new_context, const Isa& new_isa) {
  task = &new_task, lse = new_lse, n_heads = new_task.n_heads > 0 ? new_task.n_heads : new_n_heads,
  context = &new_context, isa = &new_isa;
  kv = &dynamic_cast<const CpuKv&>(*task->kv);
  const AttentionPlan& plan = *task->plan;
  RW_CHECK(n_heads % kv->n_kv_heads == 0 && plan.regions.size() <= kMaxRegions);
  RW_CHECK(task->parts != nullptr || task->share.n_parts == 1);
  group = n_heads / kv->n_kv_heads;
  wide = kv->type != KvType::kF32 && isa->attention_wide != nullptr && plan.n_rows * group >= kTileRows / 2;
  positions_per_tile = std::max<Index>(1, kTileRows / group);
  positions_per_strip = positions_per_tile * kTilesPerStrip;
  while (positions_per_strip > positions_per_tile &&
         n_strips() * kv->n_kv_heads * n_tasks < context->threads())
    positions_per_strip -= positions_per_tile;
  for (const Region& region : plan.regions)
    RW_CHECK(region.rotation.cosine.size() == plan.theta.size() * static_cast<std::size_t>(plan.n_rows));
  list_segments();
}

/// Of keys that the cache holds: none stays empty.
void AttentionSpace::Shared::list_segments() {
  const AttentionPlan& plan = *task->plan;
  segments.clear(), segment_begin.assign(1, 0);
  for (Index row = 0; row < plan.n_rows; ++row) {
    for (Index i = plan.segment_begin[static_cast<std::size_t>(row)];
         i < plan.segment_begin[static_cast<std::size_t>(row + 1)]; ++i) {
      const Segment& segment = plan.segments[static_cast<std::size_t>(i)];
      const Index begin = task->share.held(segment.begin), end = task->share.held(segment.end);
      RW_CHECK(end <= kv->n_keys());
      if (begin < end) segments.push_back({begin, end, segment.region});
    }
    segment_begin.push_back(static_cast<Index>(segments.size()));
  }
}

namespace {

/// Query positions [first, first + n) against one KV head: tiles whose rows read the same ranges of keys in
/// turn, so that a range comes from memory once for all of them.
struct Strip {
  int kv_head;
  Index first, n;
  Index key_end;            // no position sees this key or a later one
  bool one_thread = false;  // all ranges go to one thread: it may fetch the next one ahead
};

Index strip_end(const Shared& s, Index first, Index n) {
  Index end = 0;
  for (Index i = s.segment_begin[static_cast<std::size_t>(first)];
       i < s.segment_begin[static_cast<std::size_t>(first + n)]; ++i)
    end = std::max(end, s.segments[static_cast<std::size_t>(i)].end);
  return end;
}

/// The first key of the first range from `key` (of a range) on that some position sees; strip.key_end or more
/// where there is none. Under a window most ranges are seen by no row, and cost nothing.
Index next_live(const Shared& s, const Strip& strip, Index key) {
  Index next = strip.key_end;
  for (Index i = s.segment_begin[static_cast<std::size_t>(strip.first)];
       i < s.segment_begin[static_cast<std::size_t>(strip.first + strip.n)]; ++i) {
    const TileSegment& segment = s.segments[static_cast<std::size_t>(i)];
    if (segment.end > key) next = std::min(next, std::max(key, segment.begin / kRangeKeys * kRangeKeys));
  }
  return next;
}

Strip strip_at(const Shared& s, int kv_head, Index first) {
  const Index n = std::min(s.positions_per_strip, s.task->plan->n_rows - first);
  return {kv_head, first, n, strip_end(s, first, n)};
}

/// Pairs of rows and keys that the strip's rows see: what it costs.
Index pairs_seen(const Shared& s, const Strip& strip) {
  Index pairs = 0;
  for (Index i = s.segment_begin[static_cast<std::size_t>(strip.first)];
       i < s.segment_begin[static_cast<std::size_t>(strip.first + strip.n)]; ++i)
    pairs += s.segments[static_cast<std::size_t>(i)].end - s.segments[static_cast<std::size_t>(i)].begin;
  return pairs * s.group;
}

/// Whether any of the strip's positions sees a key through `region`.
bool region_used(const Shared& s, const Strip& strip, int region) {
  for (Index i = s.segment_begin[static_cast<std::size_t>(strip.first)];
       i < s.segment_begin[static_cast<std::size_t>(strip.first + strip.n)]; ++i)
    if (s.segments[static_cast<std::size_t>(i)].region == region) return true;
  return false;
}

/// q of the strip's rows, rotated for each region that is used, in the kernel's element type. Each position
/// is rotated for all regions while it is near; the next ones are asked for, since rows of one KV head lie
/// apart and the hardware does not look ahead.
void rotate_queries(const Shared& s, const Strip& strip, Scratch& scratch) {
  constexpr Index kAhead = 4;
  const AttentionPlan& plan = *s.task->plan;
  const Index row_size = Index{s.group} * s.kv->head_dim, stride = s.stride();
  const float* q = s.task->q + strip.first * stride + strip.kv_head * row_size;
  unsigned used = 0;
  for (std::size_t region = 0; region < plan.regions.size(); ++region) {
    if (!region_used(s, strip, static_cast<int>(region))) continue;
    used |= 1U << region;
    scratch.q[region].reserve((strip.n * row_size + kLanes) * s.element_bytes());
  }
  for (Index p = 0; p < strip.n; ++p) {
    for (Index e = 0; e < row_size && p + kAhead < strip.n; e += 16)
      __builtin_prefetch(q + (p + kAhead) * stride + e);
    const Index position = strip.first + p;
    const double scale = kLog2E * static_cast<double>(plan.row_scale[static_cast<std::size_t>(position)]);
    for (std::size_t region = 0; region < plan.regions.size(); ++region) {
      if ((used >> region & 1) == 0) continue;
      s.isa->rotate_queries(
          {.q = q + p * stride,
           .n_rows = s.group,
           .rotation = row_rotation(
               plan.regions[region].rotation, plan.theta.size(), position, s.kv->head_dim,
               static_cast<float>(scale * static_cast<double>(plan.rotary_gain)), static_cast<float>(scale)),
           .weight = s.task->weight,
           .element = s.kv->type == KvType::kF32 ? Element::kF32 : Element::kBf16,
           .wide = s.wide,
           .to = scratch.q[region].data() + p * row_size * s.element_bytes()});
    }
  }
}

/// Keys [key_begin, key_end) of `tile`, a part of `strip`, into `whole`.
void run_keys(const Shared& s, const Strip& strip, const Strip& tile, Index key_begin, Index key_end,
              bool first_keys, const SoftmaxState& whole, Scratch& scratch) {
  const AttentionPlan& plan = *s.task->plan;
  const int n_regions = static_cast<int>(plan.regions.size());
  const bool eight_bits = s.kv->type == KvType::kQ8;
  scratch.scores.reserve(2 * n_regions * kTileRows * kKeyTile);
  scratch.weights.reserve(kTileRows * kKeyTile * 4);
  for (Buffer<std::uint16_t>& expanded : scratch.expanded)
    if (eight_bits)
      expanded.reserve(std::max(n_regions, 3) * kKeyTile * std::max(s.kv->head_dim, s.kv->padded_dim));
  if (s.wide) {
    scratch.widened[0].reserve(Index{n_regions} * kKeyTile * s.kv->head_dim);
    scratch.widened[1].reserve(Index{kKeyTile} * s.kv->padded_dim);
  }
  const auto n_tiles = static_cast<int>((strip.n + s.positions_per_tile - 1) / s.positions_per_tile);
  const void* q[kMaxRegions] = {};
  const void* const* k_blocks[kMaxRegions] = {};
  for (std::size_t region = 0; region < plan.regions.size(); ++region) {
    if (scratch.q[region].size() > 0)
      q[region] = scratch.q[region].data() +
                  (tile.first - strip.first) * s.group * s.kv->head_dim * s.element_bytes();
    k_blocks[region] = s.kv->keys(static_cast<std::size_t>(plan.regions[region].variant), tile.kv_head);
  }
  const AttentionTile t{
      .head_dim = s.kv->head_dim,
      .padded_dim = s.kv->padded_dim,
      .n_positions = static_cast<int>(tile.n),
      .group = s.group,
      .n_regions = n_regions,
      .q = q,
      .k_blocks = k_blocks,
      .v_blocks = s.kv->values(tile.kv_head),
      .soft_cap = static_cast<float>(kLog2E * static_cast<double>(plan.soft_cap)),
      .eight_bits = eight_bits,
      .widened = {scratch.widened[0].data(), scratch.widened[1].data()},
      .expanded = {scratch.expanded[0].data(), scratch.expanded[1].data()},
      .odd_values = s.kv->odd_values(tile.kv_head),
      .segment_begin = s.segment_begin.data() + tile.first,
      .segments = s.segments.data(),
      .scores = scratch.scores.data(),
      .weights = scratch.weights.data(),
      .key_begin = key_begin,
      .key_end = std::min(key_end, tile.key_end),
      .fetch_part = static_cast<int>((tile.first - strip.first) / s.positions_per_tile),
      .fetch_parts = strip.one_thread && key_end + kRangeKeys <= strip.key_end ? n_tiles : 0,
      .first_keys = first_keys,
      .range = scratch.range.reserve(tile.n * s.group, s.kv->padded_dim),
      .whole = whole};
  const auto of_bf16 = s.wide ? s.isa->attention_wide : s.isa->attention_bf16;
  (s.kv->type == KvType::kF32 ? s.isa->attention_f32 : of_bf16)(t);
}

/// What is left of the tile where its results are merged elsewhere.
void keep_parts(const Shared& s, const Strip& tile, const SoftmaxState& whole) {
  const Index size = part_floats(s.kv->padded_dim);
  for (Index row = 0; row < tile.n * s.group; ++row) {
    float* part =
        s.task->parts +
        ((tile.first + row / s.group) * s.n_heads + Index{tile.kv_head} * s.group + row % s.group) * size;
    std::copy_n(whole.sum + row * s.kv->padded_dim, s.kv->padded_dim, part);
    std::copy_n(whole.total + row * kLanes, kLanes, part + s.kv->padded_dim);
    part[size - 1] = whole.top[row];
  }
}

/// whole and more (or null) become whole; the tile's results when it is the last.
void merge(const Shared& s, const Strip& tile, const SoftmaxState& whole, const SoftmaxState* more, bool last,
           Scratch& scratch) {
  if (s.task->parts != nullptr && last) {
    if (more != nullptr) merge(s, tile, whole, more, false, scratch);
    return keep_parts(s, tile, whole);
  }
  scratch.out.clear();
  for (Index row = 0; row < tile.n * s.group; ++row)
    scratch.out.push_back(s.task->out + (tile.first + row / s.group) * s.out_stride() +
                          (Index{tile.kv_head} * s.group + row % s.group) * s.kv->value_dim);
  s.isa->merge_softmax({static_cast<int>(tile.n * s.group), s.kv->value_dim, s.kv->padded_dim, whole, more,
                        last ? scratch.out.data() : nullptr,
                        s.task->sinks != nullptr ? s.task->sinks + Index{tile.kv_head} * s.group : nullptr,
                        s.group});
  for (Index row = 0; row < tile.n * s.group && last && s.lse != nullptr; ++row) {
    double total = 0;
    for (Index lane = 0; lane < kLanes; ++lane)
      total += static_cast<double>(whole.total[row * kLanes + lane]);
    s.lse[(tile.first + row / s.group) * s.n_heads + Index{tile.kv_head} * s.group + row % s.group] =
        static_cast<float>((static_cast<double>(whole.top[row]) + std::log2(total)) / kLog2E);
  }
}

/// The rows of `states` from `row` on.
SoftmaxState from_row(const SoftmaxState& states, Index row, int padded_dim) {
  return {states.top + row, states.total + row * kLanes, states.sum + row * padded_dim};
}

void run_strip(const Shared& s, const Strip& strip, Scratch& scratch) {
  rotate_queries(s, strip, scratch);
  const SoftmaxState whole = scratch.whole.reserve(strip.n * s.group, s.kv->padded_dim);
  bool first_keys = true;
  for (Index key = next_live(s, strip, 0), next; key < strip.key_end || first_keys; key = next) {
    next = next_live(s, strip, key + kRangeKeys);
    for (Index first = strip.first; first < strip.first + strip.n; first += s.positions_per_tile) {
      const Index n = std::min(s.positions_per_tile, strip.first + strip.n - first);
      const Strip tile{strip.kv_head, first, n, strip_end(s, first, n)};
      const SoftmaxState mine = from_row(whole, (first - strip.first) * s.group, s.kv->padded_dim);
      run_keys(s, strip, tile, key, key + kRangeKeys, first_keys, mine, scratch);
      if (next >= strip.key_end) merge(s, tile, mine, nullptr, true, scratch);
    }
    first_keys = false;
  }
}

/// A strip that is more than its share of the call, `most_pairs`, and one tile (a generated token), is split.
void add_strip(AttentionSpace& space, Index task, const Strip& strip, Index pairs, Index most_pairs) {
  const Shared& s = space.tasks[static_cast<std::size_t>(task)];
  const auto first_key = static_cast<Index>(space.keys.size());
  if (pairs > most_pairs && strip.n <= s.positions_per_tile)
    for (Index key = next_live(s, strip, 0); key < strip.key_end; key = next_live(s, strip, key + kRangeKeys))
      space.keys.push_back(key);
  const Index n_ranges = static_cast<Index>(space.keys.size()) - first_key;
  if (n_ranges <= 1) {
    space.keys.resize(static_cast<std::size_t>(first_key));
    space.items.push_back({task, strip.first, strip.kv_head, -1, -1, pairs});
    return;
  }
  for (Index range = 0; range < n_ranges; ++range)
    space.items.push_back(
        {task, strip.first, strip.kv_head, static_cast<Index>(space.splits.size()), range, pairs / n_ranges});
  space.splits.push_back({first_key, n_ranges, n_ranges});
}

/// All that a call does, the costliest first, so that no thread is left with a long one at the end.
void list_work(std::span<const AttentionTask> tasks, std::span<float* const> lse, int n_heads,
               Context& context, const Isa& isa, AttentionSpace& space) {
  constexpr Index kItemsPerThread = 4;  // at least, where there are ranges enough
  const auto n_tasks = static_cast<Index>(tasks.size());
  space.items.clear(), space.splits.clear(), space.keys.clear();
  space.tasks.resize(std::max(space.tasks.size(), tasks.size()));
  Index all_pairs = 0;
  for (Index t = 0; t < n_tasks; ++t) {
    Shared& s = space.tasks[static_cast<std::size_t>(t)];
    s.prepare(tasks[static_cast<std::size_t>(t)], lse.empty() ? nullptr : lse[static_cast<std::size_t>(t)],
              n_heads, n_tasks, context, isa);
    all_pairs += pairs_seen(s, {0, 0, s.task->plan->n_rows, 0}) * s.kv->n_kv_heads;
  }
  const Index n_threads = context.threads(),
              most_pairs = n_threads == 1 ? all_pairs : all_pairs / (kItemsPerThread * n_threads);
  for (Index t = 0; t < n_tasks; ++t) {
    const Shared& s = space.tasks[static_cast<std::size_t>(t)];
    for (Index i = 0; i < s.n_strips(); ++i) {
      Strip strip = strip_at(s, 0, i * s.positions_per_strip);
      const Index pairs = pairs_seen(s, strip);
      for (; strip.kv_head < s.kv->n_kv_heads; ++strip.kv_head) add_strip(space, t, strip, pairs, most_pairs);
    }
  }
  space.states.resize(std::max(space.states.size(), space.keys.size()));
  // Heads of one strip stand side by side: their queries do.
  std::sort(space.items.begin(), space.items.end(), [](const Item& a, const Item& b) {
    return std::tuple(-a.pairs, a.task, -a.first, a.kv_head, a.range) <
           std::tuple(-b.pairs, b.task, -b.first, b.kv_head, b.range);
  });
}

void run_item(AttentionSpace& space, const Item& item, Scratch& mine) {
  const Shared& s = space.tasks[static_cast<std::size_t>(item.task)];
  Strip strip = strip_at(s, item.kv_head, item.first);
  if (item.split < 0) {
    strip.one_thread = true;
    return run_strip(s, strip, mine);
  }
  Split& split = space.splits[static_cast<std::size_t>(item.split)];
  const auto state = [&](Index range) {
    return space.states[static_cast<std::size_t>(split.first_key + range)].reserve(strip.n * s.group,
                                                                                   s.kv->padded_dim);
  };
  const Index begin = space.keys[static_cast<std::size_t>(split.first_key + item.range)];
  rotate_queries(s, strip, mine);
  run_keys(s, strip, strip, begin, begin + kRangeKeys, true, state(item.range), mine);
  if (std::atomic_ref(split.left).fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  for (Index range = 1; range < split.n_ranges; ++range) {
    const SoftmaxState more = state(range);
    merge(s, strip, state(0), &more, range + 1 == split.n_ranges, mine);
  }
}

}  // namespace

void attention(std::span<const AttentionTask> tasks, int n_heads, Context& context, const Isa& isa,
               AttentionSpace& space, std::span<float* const> lse) {
  space.scratch.resize(static_cast<std::size_t>(context.threads()));
  list_work(tasks, lse, n_heads, context, isa, space);
  context.parallel_for(static_cast<Index>(space.items.size()), [&](Index item, int thread) {
    run_item(space, space.items[static_cast<std::size_t>(item)],
             space.scratch[static_cast<std::size_t>(thread)]);
  });
}

void merge_parts(std::span<const float* const> parts, Index n, int n_heads, int value_dim, const float* sinks,
                 float* out, Index out_stride, Context& context, const Isa& isa) {
  constexpr Index kRows = 64;
  const int padded_dim = (value_dim + kLanes - 1) / kLanes * kLanes;
  const Index size = part_floats(padded_dim);
  context.parallel_blocks(n / n_heads, std::max<Index>(1, kRows / n_heads), [&](Index begin, Index end) {
    const Index rows = (end - begin) * n_heads;
    AttentionSpace::State memory[2];
    SoftmaxState whole = memory[0].reserve(rows, padded_dim), more = memory[1].reserve(rows, padded_dim);
    std::vector<float*> to(static_cast<std::size_t>(rows));
    for (Index row = 0; row < rows; ++row)
      to[static_cast<std::size_t>(row)] =
          out + (begin + row / n_heads) * out_stride + row % n_heads * value_dim;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const SoftmaxState& state = p == 0 ? whole : more;
      for (Index row = 0; row < rows; ++row) {
        const float* part = parts[p] + (begin * n_heads + row) * size;
        std::copy_n(part, padded_dim, state.sum + row * padded_dim);
        std::copy_n(part + padded_dim, kLanes, state.total + row * kLanes);
        state.top[row] = part[size - 1];
      }
      isa.merge_softmax({static_cast<int>(rows), value_dim, padded_dim, whole, p == 0 ? nullptr : &more,
                         p + 1 == parts.size() ? to.data() : nullptr, sinks, n_heads});
    }
  });
}

}  // namespace rw::cpu
