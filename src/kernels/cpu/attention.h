// SPDX-License-Identifier: Apache-2.0
/// Splits attention into tiles of (KV head, positions) and hands them to the instruction set's kernel. All
/// tasks of a call are one work list: many short sequences keep all threads busy so, and one long one does.
#pragma once
#include <array>

#include "core/buffer.h"
#include "kernels/cpu/kv_layer.h"

namespace rw::cpu {

/// Buffers of a call, grown once and kept for the next step.
struct AttentionSpace {
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

  /// Buffers of one thread, grown once and reused. Its lists are made whole: a helper that comes late has
  /// none to make.
  struct Scratch {
    Scratch() { out.reserve(kTileRows); }
    std::array<Buffer<std::byte>, kMaxRegions> q;  // (n_regions): (rows, head_dim)
    Buffer<float> scores;
    State range, whole;
    Buffer<std::byte> weights;
    Buffer<std::uint16_t> expanded[2];  // a tile's keys and values where the cache holds 8 bits
    Buffer<float> widened[2];           // the same as floats, where `wide`
    std::vector<float*> out;
  };

  /// What all tiles of one task share. Its vectors are grown once and reused.
  struct Shared {
    Context* context = nullptr;
    const Isa* isa = nullptr;
    const AttentionTask* task = nullptr;
    float* lse = nullptr;  // (n_rows, n_heads): natural log of the sum of e^logit; or null
    const CpuKv* kv = nullptr;
    int n_heads = 0, group = 0;
    bool wide = false;  // rows enough to widen what is rounded to bfloat16 (Isa::attention_wide)
    Index stride() const { return task->stride > 0 ? task->stride : Index{n_heads} * kv->head_dim; }
    Index out_stride() const {
      return task->out_stride > 0 ? task->out_stride : Index{n_heads} * kv->value_dim;
    }
    Index positions_per_tile = 0, positions_per_strip = 0;
    std::vector<TileSegment> segments;  // the plan's, of keys as the cache counts them
    std::vector<Index> segment_begin;   // (n_rows + 1)
    Index n_strips() const { return (task->plan->n_rows + positions_per_strip - 1) / positions_per_strip; }
    Index element_bytes() const { return kv->type == KvType::kF32 || wide ? 4 : 2; }  // of rotated q

    void prepare(const AttentionTask& task, float* lse, int n_heads, Index n_tasks, Context& context,
                 const Isa& isa);
    void list_segments();
  };

  /// One entry of the work list: a strip of one KV head of a task, or one range of its keys.
  struct Item {
    Index task, first;  // of the call; the strip's first position
    int kv_head;
    Index split, range;  // the index of its Split and of its range there; -1: all keys
    Index pairs;         // of rows and keys: what it costs
  };

  /// A strip of one tile whose ranges of keys go to different threads. Who ends the last one merges them, in
  /// order.
  struct Split {
    Index first_key, n_ranges;  // into `keys` and `states`
    Index left;                 // ranges that have not ended
  };

  std::vector<Shared> tasks;
  std::vector<Item> items;
  std::vector<Split> splits;
  std::vector<Index> keys;       // of all splits: the first keys of ranges that some row sees
  std::vector<State> states;     // of all splits' ranges
  std::vector<Scratch> scratch;  // (n_threads)
};

/// out of each task, as Backend::attention says. A list is made of whole strips, and of key ranges where a
/// strip is more than its share. `lse`: of each task, (n_rows, n_heads), where training wants it; or empty.
void attention(std::span<const AttentionTask> tasks, int n_heads, Context& context, const Isa& isa,
               AttentionSpace& space, std::span<float* const> lse = {});

/// A part of attention (AttentionTask::parts) of a row and head: sum (padded_dim), then total (kLanes), then
/// top.
constexpr Index part_floats(int padded_dim) { return padded_dim + kLanes + 1; }
/// As Backend::merge_parts, n = n_rows n_heads.
void merge_parts(std::span<const float* const> parts, Index n, int n_heads, int value_dim, const float* sinks,
                 float* out, Index out_stride, Context& context, const Isa& isa);

}  // namespace rw::cpu
