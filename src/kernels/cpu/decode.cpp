// SPDX-License-Identifier: Apache-2.0
/// Products for a few rows (a generated token): dot products with the weights where they lie. Each weight is
/// read once; x is rounded to 8 bits in groups of 32 inputs.
#include <algorithm>

#include "core/error.h"
#include "kernels/cpu/linear.h"

namespace ropewalk::cpu {
namespace {

constexpr Index kManyRows =
    8;  // the steps between products are worth the other threads (sequences side by side)
constexpr Index kOutputsPerItem = 32, kFewOutputs = 16;  // 10 to 60 kB of weights; fewer for many threads

bool in_bytes(const StoredMatrix& w) { return w.bf16() && w.kernels.dots_quantised != nullptr; }

void quantise(const float* x, Index n_rows, Index n_in, const LinearRun& run) {
  const Index padded = (n_in + kQuantPart - 1) / kQuantPart * kQuantPart, sizes[2] = {16, 32};
  run.space.q.reserve(n_rows * padded);
  run.space.balance.reserve(n_rows * padded / 4);
  run.space.factors.reserve(n_rows * padded / 4);
  run.space.quantised.resize(static_cast<std::size_t>(n_rows));
  const auto quantise_row = [&](Index r, int) {
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
    run.isa.quantise(x + r * n_in, n_in, row);
  };
  if (n_rows >= kManyRows) return run.context.parallel_for(n_rows, quantise_row);
  for (Index r = 0; r < n_rows; ++r) quantise_row(r, 0);
}

/// The rows, normalised where asked for.
const float* normed_rows(const Input& input, Index n_in, const LinearRun& run) {
  if (input.norm == nullptr) return input.x;
  run.space.normed.reserve(input.n_rows * n_in);
  run.context.parallel_for((input.n_rows + 15) / 16, [&](Index block, int) {
    for (Index r = block * 16; r < std::min(input.n_rows, block * 16 + 16); ++r)
      norm_row(run.isa, *input.norm, r, n_in, input.x + r * n_in, run.space.normed.data() + r * n_in);
  });
  return run.space.normed.data();
}

/// All outputs of rows x (n_rows, n_in).
void dots(const float* x, Index n_rows, std::span<const Output> outputs, const LinearRun& run) {
  bool any_in_bytes = false;
  for (const Output& output : outputs) any_in_bytes = any_in_bytes || in_bytes(stored(*output.w));
  if (any_in_bytes) quantise(x, n_rows, outputs[0].w->n_in, run);
  Index n_outputs = 0;
  for (const Output& output : outputs) n_outputs += output.w->n_out;
  const Index each = n_outputs >= run.context.threads() * kOutputsPerItem ? kOutputsPerItem : kFewOutputs;
  auto items_of = [each](const Output& output) { return (output.w->n_out + each - 1) / each; };
  parallel_outputs(run.context, outputs, items_of, [&](const Output& output, Index item, int) {
    const StoredMatrix& w = stored(*output.w);
    const Index begin = item * each, end = std::min(w.n_out, begin + each);
    const RowPointers<kOutputsPerItem> pointers(w, begin, end);
    const Dots d{.rows = pointers.rows,
                 .n_in = w.n_in,
                 .begin = 0,
                 .end = end - begin,
                 .n_x = n_rows,
                 .quantised = run.space.quantised.data(),
                 .x = x,
                 .bias = output.bias != nullptr ? output.bias + begin : nullptr,
                 .y = output.y + begin,
                 .y_stride = w.n_out,
                 .add = output.add,
                 .scale = output.scale};
    (in_bytes(w) ? w.kernels.dots_quantised : w.kernels.dots_f32)(d);
  });
}

}  // namespace

void decode_linear(const Input& input, std::span<const Output> outputs, const LinearRun& run) {
  dots(normed_rows(input, outputs[0].w->n_in, run), input.n_rows, outputs, run);
}

void decode_feed_forward(const Input& input, const FeedForward& layer, const Output& down,
                         const LinearRun& run) {
  const bool gated = layer.gate != nullptr;
  const Index d_ff = layer.up->n_out;
  run.space.gate.reserve(input.n_rows * d_ff);
  run.space.up.reserve(input.n_rows * d_ff);
  float *h = run.space.gate.data(), *u = gated ? run.space.up.data() : nullptr;
  const Output outputs[] = {{.w = layer.up, .bias = layer.up_bias, .y = gated ? u : h},
                            {.w = layer.gate, .bias = layer.gate_bias, .y = h}};
  dots(normed_rows(input, layer.up->n_in, run), input.n_rows, {outputs, gated ? 2U : 1U}, run);
  if (input.n_rows < kManyRows)
    activate(run.isa, layer.activation, h, u, input.n_rows * d_ff);
  else
    run.context.parallel_for(input.n_rows, [&](Index r, int) {
      activate(run.isa, layer.activation, h + r * d_ff, gated ? u + r * d_ff : nullptr, d_ff);
    });
  dots(h, input.n_rows, {&down, 1}, run);
}

}  // namespace ropewalk::cpu
