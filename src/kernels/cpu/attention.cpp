// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/attention.h"

#include <algorithm>

#include "core/buffer.h"
#include "core/error.h"
#include "core/parallel.h"

namespace ropewalk::cpu {
namespace {

constexpr double kLog2E = 1.4426950408889634;
constexpr Index kTileRowsWanted = 96;  // positions x group: 96 rows x 64 keys of scores stay in L1 and L2

/// Memory of a SoftmaxState, grown once and reused.
struct State {
  Buffer<float> top, total, sum;
  SoftmaxState reserve(Index rows, Index padded_dim) {
    top.reserve(rows);
    total.reserve(rows * kLanes);
    sum.reserve(rows * padded_dim);
    return {top.data(), total.data(), sum.data()};
  }
};

/// Buffers of one thread, grown once and reused.
struct Scratch {
  std::vector<Buffer<std::byte>> q;  // (n_regions): (rows, head_dim)
  Buffer<float> scores;
  State range, whole;
  std::vector<State> ranges;  // of run_ranges, in the first thread's scratch
  Buffer<std::byte> weights;
  Buffer<std::uint16_t> expanded[2];  // a tile's keys and values where the cache holds 8 bits
  std::vector<float*> out;
  std::vector<const void*> q_pointers;
};

/// What all tiles of one task share.
struct Shared {
  const AttentionTask& task;
  const CpuKv& kv;
  int n_heads, group;
  Index positions_per_tile;
  std::vector<TileSegment> segments;                            // the plan's
  std::vector<float> row_scale;                                 // (n_rows), log2(e) included
  std::vector<std::vector<std::vector<const void*>>> k_blocks;  // (n_kv_heads)(n_regions)(n_blocks)
  std::vector<std::vector<char>> odd_values;                    // (n_kv_heads)(n_blocks)
  std::vector<std::vector<const void*>> v_blocks;               // (n_kv_heads)(n_blocks)
};

Shared prepare(const AttentionTask& task, int n_heads) {
  const auto& kv = dynamic_cast<const CpuKv&>(*task.kv);
  const AttentionPlan& plan = *task.plan;
  RW_CHECK(n_heads % kv.n_kv_heads == 0 && plan.regions.size() <= 8);
  RW_CHECK(plan.row_begin + plan.n_rows <= kv.n_keys());
  const int group = n_heads / kv.n_kv_heads;
  Shared s{task, kv, n_heads, group, std::max<Index>(1, kTileRowsWanted / group), {}, {}, {}, {}, {}};
  for (const Region& region : plan.regions)
    RW_CHECK(region.rotation.cosine.size() == plan.theta.size() * static_cast<std::size_t>(plan.n_rows));
  for (const Segment& segment : plan.segments)
    s.segments.push_back({segment.begin, segment.end, segment.region});
  for (float scale : plan.row_scale)
    s.row_scale.push_back(static_cast<float>(static_cast<double>(scale) * kLog2E));
  for (int head = 0; head < kv.n_kv_heads; ++head) {
    auto& k_head = s.k_blocks.emplace_back();
    for (const Region& region : plan.regions) {
      auto& blocks = k_head.emplace_back();
      for (std::size_t b = 0; b < kv.n_blocks(); ++b)
        blocks.push_back(kv.keys(b, static_cast<std::size_t>(region.variant), head));
    }
    auto& odd = s.odd_values.emplace_back();
    for (std::size_t b = 0; b < kv.n_blocks(); ++b) odd.push_back(kv.odd_values(b, head));
    auto& v_head = s.v_blocks.emplace_back();
    for (std::size_t b = 0; b < kv.n_blocks(); ++b) v_head.push_back(kv.values(b, head));
  }
  return s;
}

/// Whether any of the tile's positions sees a key through `region`.
bool region_used(const AttentionPlan& plan, Index first, Index n, int region) {
  for (Index s = plan.segment_begin[static_cast<std::size_t>(first)];
       s < plan.segment_begin[static_cast<std::size_t>(first + n)]; ++s)
    if (plan.segments[static_cast<std::size_t>(s)].region == region) return true;
  return false;
}

/// q of the tile's rows, rotated for each region that is used, in the kernel's element type.
void rotate_queries(const Shared& s, int kv_head, Index first, Index n, Scratch& scratch) {
  const AttentionPlan& plan = *s.task.plan;
  const int dim = s.kv.head_dim;
  const bool bf16 = s.kv.type != KvType::kF32;
  scratch.q.resize(std::max(scratch.q.size(), plan.regions.size()));
  scratch.q_pointers.assign(plan.regions.size(), nullptr);
  float rotated[kMaxHeadDim];
  for (std::size_t region = 0; region < plan.regions.size(); ++region) {
    if (!region_used(plan, first, n, static_cast<int>(region))) continue;
    scratch.q[region].reserve(n * s.group * dim * (bf16 ? 2 : 4));
    scratch.q_pointers[region] = scratch.q[region].data();
    for (Index p = 0; p < n; ++p) {
      for (int g = 0; g < s.group; ++g) {
        const float* q = s.task.q + ((first + p) * s.n_heads + kv_head * s.group + g) * dim;
        active().rotate_row(
            row_rotation(plan.regions[region].rotation, plan.theta.size(), first + p, dim, plan.rotary_gain),
            q, rotated);
        const Index row = (p * s.group + g) * dim;
        if (bf16)
          active().to_bf16(rotated, reinterpret_cast<std::uint16_t*>(scratch.q[region].data()) + row, dim);
        else
          std::copy(rotated, rotated + dim, reinterpret_cast<float*>(scratch.q[region].data()) + row);
      }
    }
  }
}

/// A tile of query positions [first, first + n) against one KV head.
struct TileWork {
  int kv_head;
  Index first, n;
  Index key_end;  // no position sees this key or a later one
};

TileWork tile_work(const Shared& s, int kv_head, Index first) {
  const AttentionPlan& plan = *s.task.plan;
  TileWork w{kv_head, first, std::min(s.positions_per_tile, plan.n_rows - first), 0};
  for (Index i = plan.segment_begin[static_cast<std::size_t>(first)];
       i < plan.segment_begin[static_cast<std::size_t>(first + w.n)]; ++i)
    w.key_end = std::max(w.key_end, plan.segments[static_cast<std::size_t>(i)].end);
  return w;
}

/// Keys [key_begin, key_end) of the tile, into `whole`.
void run_keys(const Shared& s, const TileWork& w, Index key_begin, Index key_end, const SoftmaxState& whole,
              Scratch& scratch) {
  const AttentionPlan& plan = *s.task.plan;
  const Index rows = w.n * s.group;
  const int n_regions = static_cast<int>(plan.regions.size());
  rotate_queries(s, w.kv_head, w.first, w.n, scratch);
  scratch.scores.reserve(n_regions * rows * kKeyTile);
  scratch.weights.reserve(rows * kKeyTile * 4);
  const bool eight_bits = s.kv.type == KvType::kQ8;
  for (Buffer<std::uint16_t>& expanded : scratch.expanded)
    if (eight_bits) expanded.reserve(kKeyTile * s.kv.padded_dim);
  const auto head = static_cast<std::size_t>(w.kv_head);
  const void* const* k_blocks[8];
  for (int region = 0; region < n_regions; ++region)
    k_blocks[region] = s.k_blocks[head][static_cast<std::size_t>(region)].data();
  const AttentionTile tile{.head_dim = s.kv.head_dim,
                           .padded_dim = s.kv.padded_dim,
                           .n_positions = static_cast<int>(w.n),
                           .group = s.group,
                           .n_regions = n_regions,
                           .q = scratch.q_pointers.data(),
                           .k_blocks = k_blocks,
                           .v_blocks = s.v_blocks[head].data(),
                           .eight_bits = eight_bits,
                           .expanded = {scratch.expanded[0].data(), scratch.expanded[1].data()},
                           .odd_values = s.odd_values[head].data(),
                           .segment_begin = plan.segment_begin.data() + w.first,
                           .segments = s.segments.data(),
                           .row_scale = s.row_scale.data() + w.first,
                           .scores = scratch.scores.data(),
                           .weights = scratch.weights.data(),
                           .key_begin = key_begin,
                           .key_end = key_end,
                           .range = scratch.range.reserve(rows, s.kv.padded_dim),
                           .whole = whole};
  (s.kv.type == KvType::kF32 ? active().attention_f32 : active().attention_bf16)(tile);
}

/// whole and more (or null) become whole; the tile's results when it is the last.
void merge(const Shared& s, const TileWork& w, const SoftmaxState& whole, const SoftmaxState* more, bool last,
           Scratch& scratch) {
  scratch.out.clear();
  for (Index row = 0; row < w.n * s.group; ++row)
    scratch.out.push_back(s.task.out +
                          ((w.first + row / s.group) * s.n_heads + w.kv_head * s.group + row % s.group) *
                              s.kv.head_dim);
  active().merge_softmax({static_cast<int>(w.n * s.group), s.kv.head_dim, s.kv.padded_dim, whole, more,
                          last ? scratch.out.data() : nullptr});
}

/// Whole tiles, one thread each. Later rows see more keys: longest first, so that no thread is left with a
/// long one at the end.
void run_tiles(const Shared& s, Index n_tiles, std::vector<Scratch>& scratch) {
  parallel_for(n_tiles * s.kv.n_kv_heads, [&](Index item, int thread) {
    Scratch& mine = scratch[static_cast<std::size_t>(thread)];
    const TileWork w = tile_work(s, static_cast<int>(item % s.kv.n_kv_heads),
                                 (n_tiles - 1 - item / s.kv.n_kv_heads) * s.positions_per_tile);
    const SoftmaxState whole = mine.whole.reserve(w.n * s.group, s.kv.padded_dim);
    run_keys(s, w, 0, w.key_end, whole, mine);
    merge(s, w, whole, nullptr, true, mine);
  });
}

/// One tile (a generated token): the key ranges of each head go to different threads, then are merged.
void run_ranges(const Shared& s, std::vector<Scratch>& scratch) {
  const TileWork any = tile_work(s, 0, 0);
  const Index n_ranges = std::max<Index>(1, (any.key_end + kRangeKeys - 1) / kRangeKeys);
  std::vector<State>& states = scratch[0].ranges;
  states.resize(std::max(states.size(), static_cast<std::size_t>(n_ranges * s.kv.n_kv_heads)));
  auto state = [&](Index item) {
    return states[static_cast<std::size_t>(item)].reserve(any.n * s.group, s.kv.padded_dim);
  };
  parallel_for(n_ranges * s.kv.n_kv_heads, [&](Index item, int thread) {
    const TileWork w = tile_work(s, static_cast<int>(item / n_ranges), 0);
    const Index begin = item % n_ranges * kRangeKeys;
    run_keys(s, w, begin, std::min(w.key_end, begin + kRangeKeys), state(item),
             scratch[static_cast<std::size_t>(thread)]);
  });
  for (Index item = 0; item < n_ranges * s.kv.n_kv_heads; ++item) {
    const Index range = item % n_ranges;
    const SoftmaxState more = state(item);
    merge(s, tile_work(s, static_cast<int>(item / n_ranges), 0), state(item - range),
          range > 0 ? &more : nullptr, range + 1 == n_ranges, scratch[0]);
  }
}

}  // namespace

void attention(std::span<const AttentionTask> tasks, int n_heads) {
  static thread_local std::vector<Scratch> scratch;  // grown once, kept for the next step
  scratch.resize(static_cast<std::size_t>(threads()));
  std::vector<Scratch>& mine = scratch;  // of the calling thread, also where another thread runs a tile
  for (const AttentionTask& task : tasks) {
    const Shared shared = prepare(task, n_heads);
    const Index n_tiles = (task.plan->n_rows + shared.positions_per_tile - 1) / shared.positions_per_tile;
    if (n_tiles == 1 && threads() > 1)
      run_ranges(shared, mine);
    else
      run_tiles(shared, n_tiles, mine);
  }
}

}  // namespace ropewalk::cpu
