// SPDX-License-Identifier: Apache-2.0
/// Eight bits and their scales: weight (n_out, n_in) of F8_E4M3, F8_E5M2 or I8, and weight_scale, as
/// compressed-tensors has them (int-, float- and naive-quantized), or weight_scale_inv, which DeepSeek's FP8
/// calls so though it multiplies; with weight_zero_point where the zero of I8 is not 0. Scales are one, one a
/// row, (n_out, n_groups), or one a block of both dimensions. Sources: DeepSeek-V3 Technical Report
/// (2024), 3.3; compressed-tensors 0.20.0.
#include <algorithm>

#include "core/bytes.h"
#include "core/checked.h"
#include "formats/packed.h"

namespace rw::scaled {
namespace {

class Scaled final : public PackedMatrix {
 public:
  std::span<const std::byte> weights, zeros, scale;
  Index rows_each = 1;  // that share scales

  void read(Index first, Index n_rows, PackedRows& rows) const override {
    copy_bytes(rows.q.data(), weights.data() + first * n_in, static_cast<std::size_t>(n_rows * n_in));
    if (code == Code::kInteger)
      for (Index i = 0; i < n_rows * n_in; ++i) rows.q[static_cast<std::size_t>(i)] ^= 0x80;
    for (Index r = 0; r < n_rows; ++r) {
      const Index from = (first + r) / rows_each * n_groups;
      scales->dequantize(scale.data() + from * scales->block_bytes, rows.scale.data() + r * n_groups,
                         n_groups);
      for (Index g = 0; g < n_groups; ++g)
        rows.zero[static_cast<std::size_t>(r * n_groups + g)] = zero_at(from + g);
    }
  }
  std::int16_t zero_at(Index index) const {
    if (code != Code::kInteger) return 0;
    const int zero = zeros.empty() ? 0 : static_cast<std::int8_t>(zeros[static_cast<std::size_t>(index)]);
    return static_cast<std::int16_t>(128 + zero);
  }
};

/// Which scale is whose, by the shape of the scales.
void read_grid(const PackedParts& parts, const std::string& part, const TensorInfo& scales,
               const HfQuantisation& quantisation, Scaled& m) {
  const std::string place = parts.place(part);
  const std::vector<Index>& shape = scales.shape;
  Index size = m.n_in;
  const Index rows = quantisation.block_rows, columns = quantisation.block_columns;
  const bool one = std::all_of(shape.begin(), shape.end(), [](Index n) { return n == 1; });
  if (one) {
    m.rows_each = m.n_out, m.n_groups = 1;
  } else if (shape.size() == 1) {
    parts.require_shape(scales, part, {m.n_out});
    m.n_groups = 1;
  } else if (rows > 0 &&
             shape == std::vector{(m.n_out + rows - 1) / rows, (m.n_in + columns - 1) / columns}) {
    m.rows_each = rows, m.n_groups = shape[1], size = columns;
  } else {
    parts.require_shape(scales, part, {m.n_out, shape.size() == 2 ? shape[1] : 1});
    m.n_groups = shape[1];
    size = Checked(static_cast<std::uint64_t>(m.n_in), place)
               .divided_by(static_cast<std::uint64_t>(m.n_groups))
               .index();
  }
  m.group = groups_in_order(m.n_in, size);
}

}  // namespace
}  // namespace rw::scaled

namespace rw {

std::unique_ptr<PackedMatrix> read_scaled(PackedParts& parts, const HfQuantisation& quantisation) {
  const std::string& dtype = parts.take_any("weight").type;
  const TensorInfo& weight = parts.take("weight", dtype, 2);
  if (dtype != "I8" && dtype != "F8_E4M3" && dtype != "F8_E5M2")
    throw Error(parts.place("weight"), "I8, F8_E4M3 or F8_E5M2 beside a scale", dtype);
  const std::string part = parts.has("weight_scale_inv") ? "weight_scale_inv" : "weight_scale";
  const TensorInfo& scales = parts.take_scales(part);
  auto m = std::make_unique<scaled::Scaled>();
  m->n_out = weight.shape[0];
  m->n_in = Checked(static_cast<std::uint64_t>(weight.shape[1]), parts.place("weight")).in(1, 1 << 22);
  m->code = dtype == "I8"        ? PackedMatrix::Code::kInteger
            : dtype == "F8_E4M3" ? PackedMatrix::Code::kE4M3
                                 : PackedMatrix::Code::kE5M2;
  scaled::read_grid(parts, part, scales, quantisation, *m);
  m->centred = true;
  if (dtype == "I8" && parts.has("weight_zero_point")) {
    const TensorInfo& zeros = parts.take("weight_zero_point", "I8", scales.shape.size());
    parts.require_shape(zeros, "weight_zero_point", scales.shape);
    m->zeros = zeros.bytes;
    m->centred =
        std::all_of(zeros.bytes.begin(), zeros.bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  }
  m->weights = weight.bytes, m->scale = scales.bytes, m->scales = scales.format;
  m->kind = dtype + " with scales";
  m->stored = parts.taken_bytes();
  return m;
}

}  // namespace rw
