// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/attention.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"

namespace ropewalk::cpu {
namespace {

constexpr double kLog2E = 1.4426950408889634;
constexpr Index kTileRowsWanted = 96;  // positions x group: 96 rows x 64 keys of scores stay in L1 and L2

/// Buffers of one thread, grown once and reused.
struct Scratch {
  std::vector<Buffer<std::byte>> q;  // (n_regions): (rows, head_dim)
  Buffer<float> scores, top, total, sum;
  Buffer<std::byte> weights;
  std::vector<float*> out;
  std::vector<const void*> q_pointers;
};

/// What all tiles of one task share.
struct Shared {
  const AttentionTask& task;
  const CpuKv& kv;
  int n_heads, group;
  Index positions_per_tile;
  std::vector<RotationTable> rotations;                         // (n_regions)
  std::vector<TileSegment> segments;                            // the plan's
  std::vector<float> row_scale;                                 // (n_rows), log2(e) included
  std::vector<std::vector<std::vector<const void*>>> k_blocks;  // (n_kv_heads)(n_regions)(n_blocks)
  std::vector<std::vector<char>> odd_values;                    // (n_kv_heads)(n_blocks)
  std::vector<std::vector<const void*>> v_blocks;               // (n_kv_heads)(n_blocks)
};

Shared prepare(const AttentionTask& task, int n_heads, Precision precision) {
  const auto& kv = dynamic_cast<const CpuKv&>(*task.kv);
  const AttentionPlan& plan = *task.plan;
  RW_CHECK(kv.precision == precision && n_heads % kv.n_kv_heads == 0 && plan.regions.size() <= 8);
  RW_CHECK(plan.row_begin + plan.n_rows <= kv.n_keys());
  const int group = n_heads / kv.n_kv_heads;
  Shared s{task, kv, n_heads, group, std::max<Index>(1, kTileRowsWanted / group), {}, {}, {}, {}, {}, {}};
  for (const Region& region : plan.regions) s.rotations.emplace_back(region.query_position, plan.theta);
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
  const bool bf16 = s.kv.precision == Precision::kBf16;
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
        s.rotations[region].rotate(q, static_cast<std::size_t>(first + p), dim, plan.rotary_gain, rotated);
        const Index row = (p * s.group + g) * dim;
        if (bf16)
          active().to_bf16(rotated, reinterpret_cast<std::uint16_t*>(scratch.q[region].data()) + row, dim);
        else
          std::copy(rotated, rotated + dim, reinterpret_cast<float*>(scratch.q[region].data()) + row);
      }
    }
  }
}

void run_tile(const Shared& s, int kv_head, Index first, Scratch& scratch) {
  const AttentionPlan& plan = *s.task.plan;
  const Index n = std::min(s.positions_per_tile, plan.n_rows - first), rows = n * s.group;
  const int n_regions = static_cast<int>(plan.regions.size()), dim = s.kv.head_dim;
  rotate_queries(s, kv_head, first, n, scratch);
  scratch.scores.reserve(n_regions * rows * kKeyTile);
  scratch.weights.reserve(rows * kKeyTile * 4);
  scratch.top.reserve(rows);
  scratch.total.reserve(rows * kLanes);
  scratch.sum.reserve(rows * s.kv.padded_dim);
  scratch.out.clear();
  for (Index p = 0; p < n; ++p)
    for (int g = 0; g < s.group; ++g)
      scratch.out.push_back(s.task.out + ((first + p) * s.n_heads + kv_head * s.group + g) * dim);
  const void* const* k_blocks[8];
  for (int region = 0; region < n_regions; ++region)
    k_blocks[region] = s.k_blocks[static_cast<std::size_t>(kv_head)][static_cast<std::size_t>(region)].data();
  const AttentionTile tile{.head_dim = dim,
                           .padded_dim = s.kv.padded_dim,
                           .n_positions = static_cast<int>(n),
                           .group = s.group,
                           .n_regions = n_regions,
                           .q = scratch.q_pointers.data(),
                           .k_blocks = k_blocks,
                           .v_blocks = s.v_blocks[static_cast<std::size_t>(kv_head)].data(),
                           .odd_values = s.odd_values[static_cast<std::size_t>(kv_head)].data(),
                           .segment_begin = plan.segment_begin.data() + first,
                           .segments = s.segments.data(),
                           .row_scale = s.row_scale.data() + first,
                           .scores = scratch.scores.data(),
                           .weights = scratch.weights.data(),
                           .top = scratch.top.data(),
                           .total = scratch.total.data(),
                           .sum = scratch.sum.data(),
                           .out = scratch.out.data()};
  (s.kv.precision == Precision::kBf16 ? active().attention_bf16 : active().attention_f32)(tile);
}

}  // namespace

void attention(std::span<const AttentionTask> tasks, int n_heads, Precision precision) {
  std::vector<Scratch> scratch(static_cast<std::size_t>(threads()));
  for (const AttentionTask& task : tasks) {
    const Shared shared = prepare(task, n_heads, precision);
    const Index n_tiles = (task.plan->n_rows + shared.positions_per_tile - 1) / shared.positions_per_tile;
    // Later rows see more keys: longest first, so that no thread is left with a long one at the end.
    parallel_for(n_tiles * shared.kv.n_kv_heads, [&](Index item, int thread) {
      const Index tile = n_tiles - 1 - item / shared.kv.n_kv_heads;
      run_tile(shared, static_cast<int>(item % shared.kv.n_kv_heads), tile * shared.positions_per_tile,
               scratch[static_cast<std::size_t>(thread)]);
    });
  }
}

}  // namespace ropewalk::cpu
