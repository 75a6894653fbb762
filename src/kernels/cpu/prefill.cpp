// SPDX-License-Identifier: Apache-2.0
/// Products for many rows: a thread expands panels of 16 outputs each into its own scratch, where they stay
/// in L2 while all rows of x pass. It takes neighbouring panels, as many as fit: panels that another core had
/// expanded, or outputs beside those that it writes, made two threads no faster than one. A row's sums run
/// over the inputs in order.
#include <algorithm>

#include "core/error.h"
#include "kernels/cpu/linear.h"

namespace ropewalk::cpu {
namespace {

constexpr Index kRowsPerBlock = 256;          // rows that stay in L2 while an item's panels pass
constexpr Index kRowsPerHidden = 128;         // rows of the hidden layer that stay there between two products
constexpr Index kItemBytes = Index{1} << 20;  // of an item's panels
constexpr Index kLeastRows = 64;              // of an item, where rows are split

Index bytes_of(Precision precision, const Isa& isa) { return StoredMatrix::in_pairs(precision, isa) ? 2 : 4; }

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

/// The rows, normalised where asked for, as products read them.
const std::byte* round_rows(const Input& input, const RowLayout& layout, Index n_in, const LinearRun& run) {
  run.space.rounded.reserve(layout.bytes(input.n_rows));
  for (LinearScratch& scratch : run.space.threads) scratch.gate.reserve(n_in);
  run.context.parallel_for((input.n_rows + 15) / 16, [&](Index block, int thread) {
    float* normed = run.space.threads[static_cast<std::size_t>(thread)].gate.data();
    for (Index r = block * 16; r < std::min(input.n_rows, block * 16 + 16); ++r) {
      const float* x = input.x + r * n_in;
      if (input.norm != nullptr) norm_row(run.isa, *input.norm, r, n_in, x, normed);
      layout.put(run.space.rounded.data(), r, 0, input.norm != nullptr ? normed : x, n_in);
    }
  });
  return run.space.rounded.data();
}

Index panel_bytes(const StoredMatrix& w) { return w.padded_in() * kLanes * bytes_of(w.precision, w.isa); }

/// Panels of an item, where it expands n_matrices of w's shape: pairs, of which two share a pass over rows.
Index panels_per_item(const StoredMatrix& w, int n_matrices, int n_threads) {
  const Index bytes = w.n_panels() * panel_bytes(w) * n_matrices, all = n_threads;
  const Index n_items = all * ((bytes + all * kItemBytes - 1) / (all * kItemBytes));
  return ((w.n_panels() + n_items - 1) / n_items + 1) / 2 * 2;
}

/// Panels [begin, end) expanded.
const std::byte* expand(const StoredMatrix& w, Index begin, Index end, Buffer<std::byte>& to) {
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
void multiply(const StoredMatrix& w, Index begin, Index end, const std::byte* panels, const std::byte* x,
              const RowLayout& layout, Index n_rows, const float* bias, bool add, float scale, float* y,
              Index y_stride) {
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

/// Rows of an item, where n_items items of all rows are fewer than the threads: then several items expand the
/// same panels, each for a part of the rows. Whole blocks of 16, and no fewer than an expansion is worth.
Index rows_per_item(Index n_rows, Index n_items, int n_threads) {
  const Index parts =
      std::clamp<Index>(n_threads / std::max<Index>(n_items, 1), 1, std::max<Index>(n_rows / kLeastRows, 1));
  return ((n_rows + parts - 1) / parts + 15) / 16 * 16;
}

/// A part of a product: panels [begin, end) and rows [row_begin, row_end).
struct Part {
  Index begin, end, row_begin, row_end;
};

/// Part `item` of n_panels and n_rows, the panels of the same rows one after the other.
Part part_at(Index item, Index n_panels, Index panels_each, Index n_rows, Index rows_each) {
  const Index n_items = (n_panels + panels_each - 1) / panels_each;
  const Index panel = item % n_items * panels_each, row = item / n_items * rows_each;
  return {panel, std::min(n_panels, panel + panels_each), row, std::min(n_rows, row + rows_each)};
}

/// Calls body(row, n_rows, panel, n_panels) for blocks of rows, and in each for pairs of the panels.
template <class Body>
void for_blocks(const Part& part, Index rows_per_block, const Body& body) {
  for (Index row = part.row_begin; row < part.row_end; row += rows_per_block)
    for (Index panel = part.begin; panel < part.end; panel += 2)
      body(row, std::min(rows_per_block, part.row_end - row), panel, std::min<Index>(2, part.end - panel));
}

/// All outputs of rows x, which are as products read them.
void products(const std::byte* x, const RowLayout& layout, Index n_rows, std::span<const Output> outputs,
              const LinearRun& run) {
  const int n_threads = run.context.threads();
  auto panel_items = [n_threads](const Output& output) {
    const StoredMatrix& w = stored(*output.w);
    const Index each = panels_per_item(w, 1, n_threads);
    return (w.n_panels() + each - 1) / each;
  };
  Index n_items = 0;
  for (const Output& output : outputs) n_items += panel_items(output);
  const Index rows_each = rows_per_item(n_rows, n_items, n_threads),
              n_parts = (n_rows + rows_each - 1) / rows_each;
  auto items_of = [&](const Output& output) { return panel_items(output) * n_parts; };
  parallel_outputs(run.context, outputs, items_of, [&](const Output& output, Index item, int thread) {
    const StoredMatrix& w = stored(*output.w);
    const Part part = part_at(item, w.n_panels(), panels_per_item(w, 1, n_threads), n_rows, rows_each);
    const std::byte* panels =
        expand(w, part.begin, part.end, run.space.threads[static_cast<std::size_t>(thread)].panels[0]);
    for_blocks(part, kRowsPerBlock, [&](Index row, Index n, Index panel, Index n_panels) {
      multiply(w, panel, panel + n_panels, panels + (panel - part.begin) * panel_bytes(w),
               x + layout.offset(row, 0), layout, n,
               output.bias != nullptr ? output.bias + panel * kLanes : nullptr, output.add, output.scale,
               output.y + row * w.n_out + panel * kLanes, w.n_out);
    });
  });
}

}  // namespace

void prefill_linear(const Input& input, std::span<const Output> outputs, const LinearRun& run) {
  const StoredMatrix& first = stored(*outputs[0].w);
  const RowLayout layout(run.isa, first.precision, first.n_in);
  const std::byte* x = round_rows(input, layout, first.n_in, run);
  products(x, layout, input.n_rows, outputs, run);
}

/// The hidden layer is made of a block of rows while what it is made of lies in the cache, and rounded as
/// `down` reads it.
void prefill_feed_forward(const Input& input, const FeedForward& layer, const Output& down,
                          const LinearRun& run) {
  const bool gated = layer.gate != nullptr;
  const StoredMatrix &up = stored(*layer.up), &first = gated ? stored(*layer.gate) : up;
  const float* first_bias = gated ? layer.gate_bias : layer.up_bias;
  const RowLayout layout(run.isa, up.precision, up.n_in), hidden(run.isa, up.precision, up.n_out);
  const std::byte* x = round_rows(input, layout, up.n_in, run);
  run.space.hidden.reserve(hidden.bytes(input.n_rows));
  const int n_threads = run.context.threads();
  const Index per_item = panels_per_item(up, gated ? 2 : 1, n_threads),
              n_items = (up.n_panels() + per_item - 1) / per_item;
  const Index rows_each = rows_per_item(input.n_rows, n_items, n_threads);
  const Index n_parts = (input.n_rows + rows_each - 1) / rows_each;
  run.context.parallel_for(n_items * n_parts, [&](Index item, int thread) {
    LinearScratch& mine = run.space.threads[static_cast<std::size_t>(thread)];
    const Part part = part_at(item, up.n_panels(), per_item, input.n_rows, rows_each);
    const std::byte* firsts = expand(first, part.begin, part.end, mine.panels[0]);
    const std::byte* ups = gated ? expand(up, part.begin, part.end, mine.panels[1]) : nullptr;
    mine.gate.reserve(kRowsPerHidden * 2 * kLanes);
    mine.up.reserve(kRowsPerHidden * 2 * kLanes);
    for_blocks(part, kRowsPerHidden, [&](Index row, Index n, Index panel, Index n_panels) {
      float *h = mine.gate.data(), *u = gated ? mine.up.data() : nullptr;
      const Index width = std::min(up.n_out, (panel + n_panels) * kLanes) - panel * kLanes;
      const std::byte* from = x + layout.offset(row, 0);
      const auto make = [&](const StoredMatrix& w, const std::byte* panels, const float* bias, float* y) {
        multiply(w, panel, panel + n_panels, panels + (panel - part.begin) * panel_bytes(w), from, layout, n,
                 bias != nullptr ? bias + panel * kLanes : nullptr, false, 1, y, width);
      };
      make(first, firsts, first_bias, h);
      if (gated) make(up, ups, layer.up_bias, u);
      activate(run.isa, layer.activation, h, u, n * width);
      hidden.put_block(run.space.hidden.data(), row, n, panel * kLanes, h, width);
    });
  });
  products(run.space.hidden.data(), hidden, input.n_rows, {&down, 1}, run);
}

}  // namespace ropewalk::cpu
