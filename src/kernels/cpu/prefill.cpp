// SPDX-License-Identifier: Apache-2.0
/// Products for many rows: a thread expands panels of 16 outputs each into its own scratch, where they stay
/// in L2 while all rows of x pass. It takes neighbouring panels, as many as fit: panels that another core had
/// expanded, or outputs beside those that it writes, made two threads no faster than one. A row's sums run
/// over the inputs in order.
#include <algorithm>

#include "kernels/cpu/panels.h"

namespace rw::cpu {
namespace {

constexpr Index kLeastRows = 64;  // of an item, where rows are split

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

/// Rows of an item, where n_items items of all rows are fewer than the threads: then several items expand the
/// same panels, each for a part of the rows. Whole blocks of 16, and no fewer than an expansion is worth.
Index rows_per_item(Index n_rows, Index n_items, int n_threads) {
  const Index parts =
      std::clamp<Index>(n_threads / std::max<Index>(n_items, 1), 1, std::max<Index>(n_rows / kLeastRows, 1));
  return ((n_rows + parts - 1) / parts + 15) / 16 * 16;
}

/// Part `item` of n_panels and n_rows, the panels of the same rows one after the other.
Part part_at(Index item, Index n_panels, Index panels_each, Index n_rows, Index rows_each) {
  const Index n_items = (n_panels + panels_each - 1) / panels_each;
  const Index panel = item % n_items * panels_each, row = item / n_items * rows_each;
  return {panel, std::min(n_panels, panel + panels_each), row, std::min(n_rows, row + rows_each)};
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

}  // namespace rw::cpu
