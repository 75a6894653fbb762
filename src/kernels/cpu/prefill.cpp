// SPDX-License-Identifier: Apache-2.0
/// Products for many rows: a thread expands a few panels of 16 outputs each into its own scratch, where they
/// stay in L2 while all rows of x pass. A row's sums run over the inputs in order.
#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/linear.h"

namespace ropewalk::cpu {
namespace {

constexpr Index kRowsPerItem = 256;           // rows that stay in the second cache while panels pass
constexpr Index kRowsPerBlock = 128;          // rows of the hidden layer that stay there between two products
constexpr Index kPanelsPerItem = 2;           // panels that share a pass over rows
constexpr Index kSlabBytes = Index{2} << 20;  // of panels that are expanded at once, for all threads

Index bytes_of(Precision precision) { return precision == Precision::kBf16 ? 2 : 4; }

/// How products read rows of `width` numbers: row by row, or in tiles of 16 rows x 32.
struct RowLayout {
  Precision precision;
  Index width;  // padded
  bool tiled;

  RowLayout(Precision p, Index n) : precision(p), width(StoredMatrix::padded(n, p)) {
    tiled = p == Precision::kBf16 && active().tiled_rows && n % kTileWidth == 0;
  }
  Index bytes(Index n_rows) const { return (n_rows + 15) / 16 * 16 * width * bytes_of(precision); }
  /// Where element (row, column) is: in tiles, column is a multiple of kTileWidth and row one of 16, or
  /// kTileWidth numbers follow.
  Index offset(Index row, Index column) const {
    if (!tiled) return (row * width + column) * bytes_of(precision);
    return ((row / 16 * (width / kTileWidth) + column / kTileWidth) * 16 + row % 16) * kTileWidth * 2;
  }
  /// Writes x (n) from (row, column) on, rounded.
  void put(std::byte* to, Index row, Index column, const float* x, Index n) const {
    if (precision == Precision::kF32) {
      std::copy(x, x + n, reinterpret_cast<float*>(to + offset(row, column)));
      return;
    }
    for (Index at = 0, step = tiled ? kTileWidth : n; at < n; at += step)
      active().to_bf16(x + at, reinterpret_cast<std::uint16_t*>(to + offset(row, column + at)), step);
    if (column + n < width && n % 2 != 0) reinterpret_cast<std::uint16_t*>(to + offset(row, column))[n] = 0;
  }
};

/// The rows, normalised where asked for, as products read them.
const std::byte* round_rows(const Input& input, const RowLayout& layout, Index n_in, Workspace& space) {
  space.rounded.reserve(layout.bytes(input.n_rows));
  for (LinearScratch& scratch : space.threads) scratch.gate.reserve(n_in);
  parallel_for((input.n_rows + 15) / 16, [&](Index block, int thread) {
    float* normed = space.threads[static_cast<std::size_t>(thread)].gate.data();
    for (Index r = block * 16; r < std::min(input.n_rows, block * 16 + 16); ++r) {
      const float* x = input.x + r * n_in;
      if (input.norm != nullptr) active().rms_norm(x, input.norm, input.eps, n_in, normed);
      layout.put(space.rounded.data(), r, 0, input.norm != nullptr ? normed : x, n_in);
    }
  });
  return space.rounded.data();
}

Index panel_bytes(const StoredMatrix& w) { return w.padded_in() * kLanes * bytes_of(w.precision); }

/// Panels that a slab holds, whole items.
Index slab_panels(const StoredMatrix& w) {
  return std::max<Index>(1, kSlabBytes / panel_bytes(w) / kPanelsPerItem) * kPanelsPerItem;
}

/// Panel `panel` of w -> to.
void expand(const StoredMatrix& w, Index panel, std::byte* to) {
  (w.bf16() ? w.kernels.expand_bf16 : w.kernels.expand_f32)(
      {.rows = w.row(panel * kLanes),
       .n_rows = static_cast<int>(std::min<Index>(kLanes, w.n_out - panel * kLanes)),
       .n_in = w.n_in,
       .panel = to});
}

/// Panels [begin, end) of w times rows of x -> y, which begins at the first panel's first output.
void multiply(const StoredMatrix& w, Index begin, Index end, const std::byte* panels, const std::byte* x,
              const RowLayout& layout, Index n_rows, const float* bias, bool add, float* y, Index y_stride) {
  const Product p{.x = x,
                  .w = panels,
                  .bias = bias,
                  .y = y,
                  .add = add,
                  .x_tiled = layout.tiled,
                  .n_rows = n_rows,
                  .n_in = w.padded_in(),
                  .n_out = std::min(w.n_out, end * kLanes) - begin * kLanes,
                  .x_stride = w.padded_in(),
                  .y_stride = y_stride,
                  .panel_begin = 0,
                  .panel_end = end - begin};
  (w.bf16() ? active().product_bf16 : active().product_f32)(p);
}

/// Calls body(row, n_rows, panel, n_panels, thread) for blocks of rows and of the panels [begin, end), on all
/// threads: the rows of an item are those of the one before, which lie in the second cache.
template <class Body>
void for_blocks(Index n_rows, Index begin, Index end, const Body& body) {
  const Index across = (end - begin + kPanelsPerItem - 1) / kPanelsPerItem;
  parallel_for((n_rows + kRowsPerItem - 1) / kRowsPerItem * across, [&](Index item, int thread) {
    const Index row = item / across * kRowsPerItem, panel = begin + item % across * kPanelsPerItem;
    body(row, std::min(kRowsPerItem, n_rows - row), panel, std::min(kPanelsPerItem, end - panel), thread);
  });
}

/// One output of rows x, which are as products read them.
void product(const std::byte* x, const RowLayout& layout, Index n_rows, const Output& output,
             Workspace& space) {
  const StoredMatrix& w = stored(*output.w);
  const Index size = panel_bytes(w), slab = std::min(slab_panels(w), w.n_panels());
  space.panels[0].reserve(slab * size);
  std::byte* panels = space.panels[0].data();
  for (Index begin = 0; begin < w.n_panels(); begin += slab) {
    const Index end = std::min(w.n_panels(), begin + slab);
    parallel_for(end - begin, [&](Index p, int) { expand(w, begin + p, panels + p * size); });
    for_blocks(n_rows, begin, end, [&](Index row, Index n, Index panel, Index n_panels, int) {
      multiply(w, panel, panel + n_panels, panels + (panel - begin) * size, x + layout.offset(row, 0), layout,
               n, output.bias != nullptr ? output.bias + panel * kLanes : nullptr, output.add,
               output.y + row * w.n_out + panel * kLanes, w.n_out);
    });
  }
}

}  // namespace

void prefill_linear(const Input& input, std::span<const Output> outputs, Workspace& space) {
  const StoredMatrix& first = stored(*outputs[0].w);
  const RowLayout layout(first.precision, first.n_in);
  const std::byte* x = round_rows(input, layout, first.n_in, space);
  for (const Output& output : outputs) product(x, layout, input.n_rows, output, space);
}

/// silu(gate) * up is made of a block of rows while both lie in the cache, and rounded as `down` reads it.
void prefill_feed_forward(const Input& input, const StoredMatrix& gate, const StoredMatrix& up,
                          const Output& down, Workspace& space) {
  const RowLayout layout(gate.precision, gate.n_in), hidden(gate.precision, gate.n_out);
  const std::byte* x = round_rows(input, layout, gate.n_in, space);
  space.hidden.reserve(hidden.bytes(input.n_rows));
  const Index size = panel_bytes(gate), slab = std::min(slab_panels(gate), gate.n_panels());
  for (Buffer<std::byte>& panels : space.panels) panels.reserve(slab * size);
  std::byte *const gates = space.panels[0].data(), *const ups = space.panels[1].data();
  for (LinearScratch& mine : space.threads) {
    mine.gate.reserve(kRowsPerBlock * kPanelsPerItem * kLanes);
    mine.up.reserve(kRowsPerBlock * kPanelsPerItem * kLanes);
  }
  for (Index begin = 0; begin < gate.n_panels(); begin += slab) {
    const Index end = std::min(gate.n_panels(), begin + slab);
    parallel_for(2 * (end - begin), [&](Index p, int) {
      expand(p % 2 == 0 ? gate : up, begin + p / 2, (p % 2 == 0 ? gates : ups) + p / 2 * size);
    });
    for_blocks(input.n_rows, begin, end, [&](Index first, Index n_rows, Index panel, Index n, int thread) {
      LinearScratch& mine = space.threads[static_cast<std::size_t>(thread)];
      float *g = mine.gate.data(), *u = mine.up.data();
      const Index width = std::min(gate.n_out, (panel + n) * kLanes) - panel * kLanes;
      const Index at = (panel - begin) * size;
      for (Index row = first; row < first + n_rows; row += kRowsPerBlock) {
        const Index rows = std::min(kRowsPerBlock, first + n_rows - row);
        const std::byte* from = x + layout.offset(row, 0);
        multiply(gate, panel, panel + n, gates + at, from, layout, rows, nullptr, false, g, width);
        multiply(up, panel, panel + n, ups + at, from, layout, rows, nullptr, false, u, width);
        active().silu_mul(g, u, rows * width);
        for (Index r = 0; r < rows; ++r)
          hidden.put(space.hidden.data(), row + r, panel * kLanes, g + r * width, width);
      }
    });
  }
  product(space.hidden.data(), hidden, input.n_rows, down, space);
}

}  // namespace ropewalk::cpu
