// SPDX-License-Identifier: Apache-2.0
/// One context over several processes: a backend around another one. Every rank runs the same model on the
/// same tokens. Keys and values stay with the rank that stores them: units of 1,024 go to the ranks in turn
/// (KeyShare), which gives each 1/N of the memory and, under a causal mask, of the work of every step. Each
/// rank attends to its own keys, un-normalised (Backend::merge_parts), and the parts are merged in the order
/// of the ranks. Products of many rows are shared out by rows. What stands between (norms, sums, choices of
/// tokens) every rank computes for itself, with the same bits.
///
/// Which way the keys and queries come together is chosen by what is less to send (both give the same bits):
///
///   gather  each rank attends from all rows to its keys; parts travel to the rank that merges these rows
///   ring    each rank attends from its rows to all keys; keys and values travel, N - 1 steps
///
/// Rows have the bits of one process where each rank holds at most one unit of the keys that they see: the
/// order is that of the keys then. Else sums are taken in another order: float32 rounding apart, the same.
#pragma once
#include <memory>

#include "core/ranks.h"
#include "kernels/kernels.h"

namespace rw {

struct ContextParallelOptions {
  /// Products are shared out where they have so many operations for each byte that is sent: 256 is 300
  /// GFLOP/s at 1.2 GB/s (10 Gbit/s).
  double flop_per_byte = 256;
  enum class Way { kLess, kGather, kRing } way = Way::kLess;  ///< for tests: which is taken
};

/// `inner` in every rank: the same kind, instruction set, precision and cache. REQUIRES: inner->part_floats >
/// 0. What it computes is computed by all ranks together, one thread at a time; it has no save() and load().
/// Errors: Error where the ranks differ.
std::shared_ptr<const Backend> make_context_parallel(std::shared_ptr<const Backend> inner,
                                                     std::shared_ptr<Ranks> ranks,
                                                     const ContextParallelOptions& options = {});

}  // namespace rw
