// SPDX-License-Identifier: Apache-2.0
/// Products for a few rows: rows rounded to 8 bits, and dot products with the weights where they lie.
#pragma once
#include <algorithm>

#include "kernels/cpu/linear.h"

namespace rw::cpu {

constexpr Index kManyRows =
    8;  // the steps between products are worth the other threads (sequences side by side)
/// Outputs that one item computes at most. Memory is read ahead within an item alone: long ones read faster.
constexpr Index kMostOutputs = 512;

/// Of n outputs, those of an item: several items for each thread, which share unequal work by that.
inline Index outputs_of_item(Index n, Index n_threads) {
  constexpr Index kItems = 4, kLeast = 16;
  return std::clamp(n / (kItems * n_threads) / kLeast * kLeast, kLeast, kMostOutputs);
}

inline bool in_bytes(const StoredMatrix& w) { return w.bf16() && w.kernels.dots_quantised != nullptr; }

/// space.quantised = the rows that row_at(r) gives, {x, n} of at most `widest` numbers each.
template <class RowAt>
void quantise_rows(Index n_rows, Index widest, const RowAt& row_at, const LinearRun& run) {
  const Index padded = (widest + kQuantPart - 1) / kQuantPart * kQuantPart, sizes[2] = {16, 32};
  run.space.q.reserve(n_rows * padded);
  run.space.balance.reserve(n_rows * padded / 4);
  run.space.factors.reserve(n_rows * padded / 4);
  run.space.quantised.resize(static_cast<std::size_t>(n_rows));
  const auto quantise_row = [&](Index r, int) {
    const auto [x, n_in] = row_at(r);
    QuantisedRow& row = run.space.quantised[static_cast<std::size_t>(r)];
    row.q = run.space.q.data() + r * padded;
    row.balance = run.space.balance.data() + r * padded / 4;
    float* next = run.space.factors.data() + r * padded / 4;
    // What lies beyond n_in may be of a longer row before.
    std::fill(row.q + n_in, row.q + padded, std::int8_t{0});
    std::fill(row.balance + n_in / 4, row.balance + padded / 4, 0);
    std::fill(next, next + padded / 4, 0.0f);
    for (int size = 0; size < 2; ++size) {
      row.scale[size] = next, next += padded / sizes[size];
      row.sum[size] = next, next += padded / sizes[size];
    }
    run.isa.quantise(x, n_in, row);
  };
  if (n_rows >= kManyRows) return run.context.parallel_for(n_rows, quantise_row);
  for (Index r = 0; r < n_rows; ++r) quantise_row(r, 0);
}

/// Rows of x as dot products read them.
struct DotRows {
  Index n = 0;
  const QuantisedRow* quantised = nullptr;  // (n), for weights that are read in bytes
  const float* x = nullptr;                 // (n, n_in), for others
};

/// Outputs [begin, end) of w, at most kMostOutputs: y (x.n, y_stride), from the first of them on.
inline void dot(const StoredMatrix& w, Index begin, Index end, const DotRows& x, const float* bias, float* y,
                Index y_stride, bool add, float scale) {
  const RowPointers<kMostOutputs> pointers(w, begin, end);
  const Dots d{.rows = pointers.rows,
               .n_in = w.n_in,
               .begin = 0,
               .end = end - begin,
               .n_x = x.n,
               .quantised = x.quantised,
               .x = x.x,
               .bias = bias != nullptr ? bias + begin : nullptr,
               .y = y,
               .y_stride = y_stride,
               .add = add,
               .scale = scale};
  (in_bytes(w) ? w.kernels.dots_quantised : w.kernels.dots_f32)(d);
}

}  // namespace rw::cpu
