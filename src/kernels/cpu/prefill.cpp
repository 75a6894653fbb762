// SPDX-License-Identifier: Apache-2.0
/// Products for many rows: a thread expands a few panels of 16 outputs each into its own scratch, where they
/// stay in L2 while all rows of x pass. A row's sums run over the inputs in order.
#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/linear.h"

namespace ropewalk::cpu {
namespace {

constexpr Index kRowsPerBlock = 96;  // rows of the hidden layer that stay in L1 and L2 between two products

Index bytes_of(Precision precision) { return precision == Precision::kBf16 ? 2 : 4; }

/// out (padded) = x (n) as products read a row.
void round_row(Precision precision, const float* x, Index n, std::byte* out) {
  if (precision == Precision::kF32) {
    std::copy(x, x + n, reinterpret_cast<float*>(out));
    return;
  }
  auto* rounded = reinterpret_cast<std::uint16_t*>(out);
  active().to_bf16(x, rounded, n);
  if (n % 2 != 0) rounded[n] = 0;
}

/// The rows, normalised where asked for, as products read them.
const std::byte* round_rows(const Input& input, const StoredMatrix& w, Workspace& space) {
  const Index stride = w.padded_in() * bytes_of(w.precision);
  space.rounded.reserve(input.n_rows * stride);
  for (LinearScratch& scratch : space.threads) scratch.gate.reserve(w.n_in);
  parallel_for((input.n_rows + 15) / 16, [&](Index block, int thread) {
    float* normed = space.threads[static_cast<std::size_t>(thread)].gate.data();
    for (Index r = block * 16; r < std::min(input.n_rows, block * 16 + 16); ++r) {
      const float* x = input.x + r * w.n_in;
      if (input.norm != nullptr) active().rms_norm(x, input.norm, input.eps, w.n_in, normed);
      round_row(w.precision, input.norm != nullptr ? normed : x, w.n_in, space.rounded.data() + r * stride);
    }
  });
  return space.rounded.data();
}

/// Panels [begin, end) expanded.
const std::byte* expand(const StoredMatrix& w, Index begin, Index end, Buffer<std::byte>& to) {
  const Index panel_bytes = w.padded_in() * kLanes * bytes_of(w.precision);
  to.reserve((end - begin) * panel_bytes);
  for (Index panel = begin; panel < end; ++panel)
    (w.bf16() ? w.kernels.expand_bf16 : w.kernels.expand_f32)(
        {.rows = w.row(panel * kLanes),
         .n_rows = static_cast<int>(std::min<Index>(kLanes, w.n_out - panel * kLanes)),
         .n_in = w.n_in,
         .panel = to.data() + (panel - begin) * panel_bytes});
  return to.data();
}

/// Panels [begin, end) of w times rows of x -> y, which begins at the first panel's first output.
void multiply(const StoredMatrix& w, Index begin, Index end, const std::byte* panels, const std::byte* x,
              Index n_rows, const float* bias, bool add, float* y, Index y_stride) {
  const Product p{.x = x,
                  .w = panels,
                  .bias = bias,
                  .y = y,
                  .add = add,
                  .n_rows = n_rows,
                  .n_in = w.padded_in(),
                  .n_out = std::min(w.n_out, end * kLanes) - begin * kLanes,
                  .x_stride = w.padded_in(),
                  .y_stride = y_stride,
                  .panel_begin = 0,
                  .panel_end = end - begin};
  (w.bf16() ? active().product_bf16 : active().product_f32)(p);
}

/// Panels of an item: more share a pass over x, fewer leave no thread idle.
Index panels_per_item(Index n_panels) { return n_panels >= 32 * threads() ? 4 : 2; }

/// All outputs of rows x, which are as products read them.
void products(const std::byte* x, Index n_rows, std::span<const Output> outputs, Workspace& space) {
  auto items_of = [](const Output& output) {
    const Index n_panels = stored(*output.w).n_panels(), per_item = panels_per_item(n_panels);
    return (n_panels + per_item - 1) / per_item;
  };
  parallel_outputs(outputs, items_of, [&](const Output& output, Index item, int thread) {
    const StoredMatrix& w = stored(*output.w);
    const Index per_item = panels_per_item(w.n_panels()), begin = item * per_item,
                end = std::min(w.n_panels(), begin + per_item);
    const std::byte* panels =
        expand(w, begin, end, space.threads[static_cast<std::size_t>(thread)].panels[0]);
    multiply(w, begin, end, panels, x, n_rows,
             output.bias != nullptr ? output.bias + begin * kLanes : nullptr, output.add,
             output.y + begin * kLanes, w.n_out);
  });
}

}  // namespace

void prefill_linear(const Input& input, std::span<const Output> outputs, Workspace& space) {
  products(round_rows(input, stored(*outputs[0].w), space), input.n_rows, outputs, space);
}

/// silu(gate) * up is made of a block of rows while both lie in the cache, and rounded as `down` reads it.
void prefill_feed_forward(const Input& input, const StoredMatrix& gate, const StoredMatrix& up,
                          const Output& down, Workspace& space) {
  const std::byte* x = round_rows(input, gate, space);
  const Index x_stride = gate.padded_in() * bytes_of(gate.precision);
  const Index hidden_stride = stored(*down.w).padded_in() * bytes_of(gate.precision);
  space.hidden.reserve(input.n_rows * hidden_stride);
  constexpr Index kPanels = 2, kWidth = kPanels * kLanes;
  parallel_for((gate.n_panels() + kPanels - 1) / kPanels, [&](Index item, int thread) {
    LinearScratch& mine = space.threads[static_cast<std::size_t>(thread)];
    const Index begin = item * kPanels, end = std::min(gate.n_panels(), begin + kPanels);
    const Index width = std::min(gate.n_out, end * kLanes) - begin * kLanes;
    const std::byte* gate_panels = expand(gate, begin, end, mine.panels[0]);
    const std::byte* up_panels = expand(up, begin, end, mine.panels[1]);
    mine.gate.reserve(kRowsPerBlock * kWidth);
    mine.up.reserve(kRowsPerBlock * kWidth);
    for (Index row = 0; row < input.n_rows; row += kRowsPerBlock) {
      const Index n = std::min(kRowsPerBlock, input.n_rows - row);
      float *g = mine.gate.data(), *u = mine.up.data();
      multiply(gate, begin, end, gate_panels, x + row * x_stride, n, nullptr, false, g, width);
      multiply(up, begin, end, up_panels, x + row * x_stride, n, nullptr, false, u, width);
      active().silu_mul(g, u, n * width);
      for (Index r = 0; r < n; ++r)
        round_row(
            gate.precision, g + r * width, width,
            space.hidden.data() + (row + r) * hidden_stride + begin * kLanes * bytes_of(gate.precision));
    }
  });
  products(space.hidden.data(), input.n_rows, {&down, 1}, space);
}

}  // namespace ropewalk::cpu
