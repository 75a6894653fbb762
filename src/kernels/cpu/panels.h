// SPDX-License-Identifier: Apache-2.0
/// How products for many rows lay out rows and weights: rows rounded as kernels read them, weights in panels
/// of 16 outputs that a thread expands into its own scratch.
#pragma once
#include <algorithm>

#include "kernels/cpu/linear.h"

namespace rw::cpu {

constexpr Index kRowsPerBlock = 256;          // rows that stay in L2 while an item's panels pass
constexpr Index kRowsPerHidden = 128;         // rows of the hidden layer that stay there between two products
constexpr Index kItemBytes = Index{1} << 20;  // of an item's panels

inline Index bytes_of(Precision precision, const Isa& isa) {
  return StoredMatrix::in_pairs(precision, isa) ? 2 : 4;
}

/// How products read rows of `width` numbers: row by row, or in tiles of 16 rows x 32.
struct RowLayout {
  const Isa& isa;
  Precision precision;
  Index width;  // padded
  bool tiled;

  RowLayout(const Isa& set, Precision p, Index n)
      : isa(set), precision(p), width(StoredMatrix::padded(n, p, set)) {
    tiled = p == Precision::kBf16 && isa.tiled_rows && n % kTileWidth == 0;
  }
  Index bytes(Index n_rows) const { return (n_rows + 15) / 16 * 16 * width * bytes_of(precision, isa); }
  /// Where element (row, column) is: in tiles, column is a multiple of kTileWidth and row one of 16, or
  /// kTileWidth numbers follow.
  Index offset(Index row, Index column) const {
    if (!tiled) return (row * width + column) * bytes_of(precision, isa);
    return ((row / 16 * (width / kTileWidth) + column / kTileWidth) * 16 + row % 16) * kTileWidth * 2;
  }
  /// Writes x (n) from (row, column) on, rounded.
  void put(std::byte* to, Index row, Index column, const float* x, Index n) const {
    if (!StoredMatrix::in_pairs(precision, isa)) {
      auto* floats = reinterpret_cast<float*>(to + offset(row, column));
      if (precision == Precision::kBf16)
        isa.round_to_bf16(x, floats, n);
      else
        std::copy(x, x + n, floats);
      return;
    }
    for (Index at = 0, step = tiled ? kTileWidth : n; at < n; at += step)
      isa.to_bf16(x + at, reinterpret_cast<std::uint16_t*>(to + offset(row, column + at)), step);
    // Only a row's last numbers are odd in number: their pair is whole, and what lies there may be NaN.
    if (n % 2 != 0) reinterpret_cast<std::uint16_t*>(to + offset(row, column))[n] = 0;
  }
  /// Writes x (n_rows, n) from (row, column) on, rounded; x may change.
  void put_block(std::byte* to, Index row, Index n_rows, Index column, float* x, Index n) const {
    if (precision == Precision::kBf16 &&
        isa.wide_bf16) {  // all at once: a call for 32 numbers costs as much as they do
      isa.round_to_bf16(x, x, n_rows * n);
      for (Index r = 0; r < n_rows; ++r)
        std::copy_n(x + r * n, n, reinterpret_cast<float*>(to + offset(row + r, column)));
    } else {
      for (Index r = 0; r < n_rows; ++r) put(to, row + r, column, x + r * n, n);
    }
  }
};

inline Index panel_bytes(const StoredMatrix& w) {
  return w.padded_in() * kLanes * bytes_of(w.precision, w.isa);
}

/// Panels of an item, where it expands n_matrices of w's shape: pairs, of which two share a pass over rows.
inline Index panels_per_item(const StoredMatrix& w, int n_matrices, int n_threads) {
  const Index bytes = w.n_panels() * panel_bytes(w) * n_matrices, all = n_threads;
  const Index n_items = all * ((bytes + all * kItemBytes - 1) / (all * kItemBytes));
  return ((w.n_panels() + n_items - 1) / n_items + 1) / 2 * 2;
}

/// Panels [begin, end) expanded.
inline const std::byte* expand(const StoredMatrix& w, Index begin, Index end, Buffer<std::byte>& to) {
  to.reserve((end - begin) * panel_bytes(w));
  for (Index panel = begin; panel < end; ++panel) {
    const Index first = panel * kLanes, last = std::min(w.n_out, first + kLanes);
    const RowPointers<kLanes> pointers(w, first, last);
    (w.bf16() ? w.kernels.expand_bf16
              : w.kernels.expand_f32)({.rows = pointers.rows,
                                       .n_rows = static_cast<int>(last - first),
                                       .n_in = w.n_in,
                                       .panel = to.data() + (panel - begin) * panel_bytes(w)});
  }
  return to.data();
}

/// Panels [begin, end) of w times rows of x -> y, which begins at the first panel's first output.
inline void multiply(const StoredMatrix& w, Index begin, Index end, const std::byte* panels,
                     const std::byte* x, const RowLayout& layout, Index n_rows, const float* bias, bool add,
                     float scale, float* y, Index y_stride) {
  const Product p{.x = x,
                  .w = panels,
                  .bias = bias,
                  .y = y,
                  .add = add,
                  .scale = scale,
                  .x_tiled = layout.tiled,
                  .n_rows = n_rows,
                  .n_in = w.padded_in(),
                  .n_out = std::min(w.n_out, end * kLanes) - begin * kLanes,
                  .x_stride = w.padded_in(),
                  .y_stride = y_stride,
                  .panel_begin = 0,
                  .panel_end = end - begin};
  (w.bf16() ? w.isa.product_bf16 : w.isa.product_f32)(p);
}

/// A part of a product: panels [begin, end) and rows [row_begin, row_end).
struct Part {
  Index begin, end, row_begin, row_end;
};

/// Calls body(row, n_rows, panel, n_panels) for blocks of rows, and in each for pairs of the panels.
template <class Body>
void for_blocks(const Part& part, Index rows_per_block, const Body& body) {
  for (Index row = part.row_begin; row < part.row_end; row += rows_per_block)
    for (Index panel = part.begin; panel < part.end; panel += 2)
      body(row, std::min(rows_per_block, part.row_end - row), panel, std::min<Index>(2, part.end - panel));
}

}  // namespace rw::cpu
