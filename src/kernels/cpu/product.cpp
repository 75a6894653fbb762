// SPDX-License-Identifier: Apache-2.0
/// Our own product: weights in panels of 16 outputs, so that a vector holds 16 outputs of one input and a
/// row's sums run over the inputs in order: they do not depend on the number of rows or threads.
#include "kernels/cpu/product.h"

#include <algorithm>

#include "core/buffer.h"
#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace {

constexpr Index kRowsPerItem = 96;   // rows of x that stay in L2 beside the panels
constexpr Index kPanelsPerItem = 8;  // 128 outputs

struct PackedMatrix final : Matrix {
  Precision precision = Precision::kBf16;
  Index padded_in = 0;       // n_in rounded up to the pair
  Buffer<std::byte> panels;  // (n_out / 16, padded_in / step, 16, step)
};

}  // namespace

std::unique_ptr<Matrix> make_matrix(Precision precision, Index n_out, Index n_in,
                                    const std::function<void(Index, float*)>& row) {
  auto matrix = std::make_unique<PackedMatrix>();
  matrix->precision = precision;
  matrix->n_out = n_out, matrix->n_in = n_in;
  matrix->padded_in = precision == Precision::kBf16 ? (n_in + 1) / 2 * 2 : n_in;
  const Index n_panels = (n_out + kLanes - 1) / kLanes, size = matrix->padded_in * kLanes;
  matrix->panels = Buffer<std::byte>(n_panels * size * (precision == Precision::kBf16 ? 2 : 4));
  matrix->bytes = static_cast<std::size_t>(matrix->panels.size());
  std::vector<std::vector<float>> rows(static_cast<std::size_t>(threads()),
                                       std::vector<float>(static_cast<std::size_t>(n_in)));
  parallel_for(n_panels, [&](Index panel, int thread) {
    float* one = rows[static_cast<std::size_t>(thread)].data();
    for (Index lane = 0; lane < std::min<Index>(kLanes, n_out - panel * kLanes); ++lane) {
      row(panel * kLanes + lane, one);
      if (precision == Precision::kBf16) {
        auto* to = reinterpret_cast<BFloat16*>(matrix->panels.data()) + panel * size;
        for (Index c = 0; c < n_in; ++c) to[c / 2 * 2 * kLanes + 2 * lane + c % 2] = BFloat16(one[c]);
      } else {
        auto* to = reinterpret_cast<float*>(matrix->panels.data()) + panel * size;
        for (Index c = 0; c < n_in; ++c) to[c * kLanes + lane] = one[c];
      }
    }
  });
  return matrix;
}

void multiply(const float* x, Index n_rows, const Matrix& w, const float* bias, float* y) {
  if (n_rows == 0) return;
  const auto& m = dynamic_cast<const PackedMatrix&>(w);
  const bool bf16 = m.precision == Precision::kBf16;
  Buffer<std::uint16_t> rounded(bf16 ? n_rows * m.padded_in : 0);
  if (bf16)
    parallel_for((n_rows + 15) / 16, [&](Index block, int) {
      for (Index r = block * 16; r < std::min(n_rows, block * 16 + 16); ++r)
        active().to_bf16(x + r * m.n_in, rounded.data() + r * m.padded_in, m.n_in);
    });
  const Index n_panels = (m.n_out + kLanes - 1) / kLanes;
  const Index column_items = (n_panels + kPanelsPerItem - 1) / kPanelsPerItem;
  const Index row_items = (n_rows + kRowsPerItem - 1) / kRowsPerItem;
  parallel_for(column_items * row_items, [&](Index item, int) {
    const Index row = item % row_items * kRowsPerItem, panel = item / row_items * kPanelsPerItem;
    Product p{.x = nullptr,
              .w = m.panels.data(),
              .bias = bias,
              .y = y + row * m.n_out,
              .n_rows = std::min(kRowsPerItem, n_rows - row),
              .n_in = bf16 ? m.padded_in : m.n_in,
              .n_out = m.n_out,
              .x_stride = bf16 ? m.padded_in : m.n_in,
              .y_stride = m.n_out,
              .panel_begin = panel,
              .panel_end = std::min(n_panels, panel + kPanelsPerItem)};
    if (bf16) {
      p.x = rounded.data() + row * m.padded_in;
      active().product_bf16(p);
    } else {
      p.x = x + row * m.n_in;
      active().product_f32(p);
    }
  });
}

}  // namespace ropewalk::cpu
