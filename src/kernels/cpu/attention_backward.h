// SPDX-License-Identifier: Apache-2.0
/// Attention backward on all threads: the work is cut into parts of a head's rows, each with sums of its own
/// for the keys that it sees, which are then added in the order of heads and rows.
#pragma once
#include <array>

#include "core/buffer.h"
#include "kernels/cpu/kv_layer.h"
#include "kernels/training.h"

namespace rw::cpu {

/// Buffers of a call, grown once and reused.
struct BackwardSpace {
  /// Rows for a range of keys, from `first` (a multiple of kKeyTile) on.
  struct Rows {
    Index first = 0, n = 0;  // n = 0: no key is seen
    Buffer<float> rows;
  };
  /// Keys and values of one KV head of a task, as tiles read them.
  struct Keys {
    std::vector<Rows> rows, turned;  // (n_variants): (n, padded_dim) rotated; (n / 16, head_dim, 16)
    Rows values_turned;              // (n / 16, value_dim, 16)
  };
  /// Sums of one item.
  struct Sums {
    std::vector<Rows> d_keys;  // (n_variants): (n, padded_dim), not rotated back yet
    Rows d_values;             // (n, padded_value)
    Buffer<float> d_weight;
  };
  struct Item {
    Index task, unit;
    int head;
    Index first, n;  // rows
    Index pairs;     // that they see: what it costs
  };
  /// Buffers of one thread.
  struct Scratch {
    std::array<Buffer<float>, kMaxRegions> q, d_q;  // of a tile
    Buffer<float> rows, scores, d_scores, weights, line;
  };
  std::vector<Keys> keys;  // of the KV heads that are worked on now
  std::vector<Sums> sums;  // (items), in the order of their head and rows
  std::vector<Item> items;
  std::vector<Index> order;
  std::vector<Scratch> threads;
};

/// How many items and KV heads are worked on at once, at most: enough that all threads end together.
struct BackwardWave {
  Index items, units;
};
BackwardWave backward_wave(const TrainingSizes& sizes, Index n_threads);

/// As Training::attention_backward says.
void attention_backward(std::span<const TrainingAttention<float>> tasks, Context& context, const Isa& isa,
                        BackwardSpace& space);

}  // namespace rw::cpu
