// SPDX-License-Identifier: Apache-2.0
/// Products for a few rows (a generated token): dot products with the weights where they lie. Each weight is
/// read once; x is rounded to 8 bits in groups of 32 inputs.
#include "kernels/cpu/decode.h"

namespace rw::cpu {
namespace {

/// All outputs of rows x (n_rows, n_in).
void dots(const float* x, Index n_rows, std::span<const Output> outputs, const LinearRun& run) {
  bool any_in_bytes = false;
  for (const Output& output : outputs) any_in_bytes = any_in_bytes || in_bytes(stored(*output.w));
  const Index n_in = outputs[0].w->n_in;
  if (any_in_bytes)
    quantise_rows(
        n_rows, n_in, [&](Index r) { return std::pair(x + r * n_in, n_in); }, run);
  Index n_outputs = 0;
  for (const Output& output : outputs) n_outputs += output.w->n_out;
  const Index each = outputs_of_item(n_outputs, run.context.threads());
  auto items_of = [each](const Output& output) { return (output.w->n_out + each - 1) / each; };
  parallel_outputs(run.context, outputs, items_of, [&](const Output& output, Index item, int) {
    const StoredMatrix& w = stored(*output.w);
    const Index begin = item * each, end = std::min(w.n_out, begin + each);
    dot(w, begin, end, {n_rows, run.space.quantised.data(), x}, output.bias, output.y + begin, w.n_out,
        output.add, output.scale);
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

}  // namespace rw::cpu
