// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/linear.h"

#include "core/error.h"

namespace rw::cpu {

const StoredMatrix& stored(const Matrix& matrix) { return dynamic_cast<const StoredMatrix&>(matrix); }

std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision precision, const Isa& isa) {
  RW_CHECK(rows.format != nullptr);
  RW_CHECK(rows.scattered.empty() || static_cast<Index>(rows.scattered.size()) == rows.n_out);
  RW_CHECK(rows.n_in % rows.format->block_size == 0);
  auto matrix = std::make_unique<StoredMatrix>(isa);
  matrix->n_out = rows.n_out, matrix->n_in = rows.n_in;
  matrix->precision = precision;
  matrix->kernels = isa.weights(rows.format->ggml_type);
  matrix->bytes = rows.scattered.size() * sizeof(std::byte*);
  matrix->file_bytes = static_cast<std::size_t>(rows.n_out * rows.row_bytes());
  matrix->stored = std::move(rows);
  return matrix;
}

const float* normed_rows(const Input& input, Index n_in, const LinearRun& run) {
  if (input.norm == nullptr) return input.x;
  run.space.normed.reserve(input.n_rows * n_in);
  float* to = run.space.normed.data();
  run.context.parallel_blocks(input.n_rows, 16, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      norm_row(run.isa, *input.norm, r, n_in, input.x + r * n_in, to + r * n_in);
  });
  return to;
}

void linear(const Input& input, std::span<const Output> outputs, Stage stage, const LinearRun& run) {
  if (input.n_rows == 0 || outputs.empty()) return;
  for (const Output& output : outputs)
    RW_CHECK(output.w->n_in == outputs[0].w->n_in && &stored(*output.w).isa == &run.isa);
  run.space.threads.resize(static_cast<std::size_t>(run.context.threads()));
  (stage == Stage::kPrefill ? prefill_linear : decode_linear)(input, outputs, run);
}

void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add, Stage stage,
                  const LinearRun& run) {
  if (input.n_rows == 0) return;
  const Matrix &up = *layer.up, &first = layer.gate != nullptr ? *layer.gate : up;
  for (const Matrix* w : {&first, &up, layer.down}) RW_CHECK(&stored(*w).isa == &run.isa);
  run.space.threads.resize(static_cast<std::size_t>(run.context.threads()));
  RW_CHECK(up.n_out == first.n_out && up.n_in == first.n_in && layer.down->n_in == up.n_out);
  const Output down{.w = layer.down, .bias = layer.down_bias, .y = y, .add = add, .scale = layer.scale};
  (stage == Stage::kPrefill ? prefill_feed_forward : decode_feed_forward)(input, layer, down, run);
}

}  // namespace rw::cpu
