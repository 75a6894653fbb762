// SPDX-License-Identifier: Apache-2.0
/// compressed-tensors, format nvfp4-pack-quantized: weight_packed (n_out, n_in / 2) of U8, two numbers of
/// E2M1 each, the first one low; weight_scale (n_out, n_in / 16) of F8_E4M3, and weight_global_scale (1), by
/// which it is divided. Source: compressed-tensors 0.20.0.
#include <cmath>

#include "core/checked.h"
#include "formats/packed.h"

namespace rw::nvfp4 {
namespace {

class Nvfp4 final : public PackedMatrix {
 public:
  std::span<const std::byte> weights, scale;
  float global = 1;
  const WeightFormat& e4m3 = Registry<WeightFormat>::get("F8_E4M3", "weight format");

  void read(Index first, Index n_rows, PackedRows& rows) const override {
    const Index n_bytes = n_rows * n_in / 2;
    for (Index i = 0; i < n_bytes; ++i) {
      const auto both = static_cast<std::uint8_t>(weights[static_cast<std::size_t>(first * n_in / 2 + i)]);
      rows.q[static_cast<std::size_t>(2 * i)] = both & 15;
      rows.q[static_cast<std::size_t>(2 * i + 1)] = both >> 4;
    }
    const Index n = n_rows * n_groups;
    e4m3.dequantize(scale.data() + first * n_groups, rows.scale.data(), n);
    for (Index i = 0; i < n; ++i) {
      rows.scale[static_cast<std::size_t>(i)] /= global;
      rows.zero[static_cast<std::size_t>(i)] = 0;
    }
  }
};

}  // namespace
}  // namespace rw::nvfp4

namespace rw {

std::unique_ptr<PackedMatrix> read_nvfp4(PackedParts& parts, const HfQuantisation&) {
  const TensorInfo& packed = parts.take("weight_packed", "U8", 2);
  const TensorInfo& scales = parts.take("weight_scale", "F8_E4M3", 2);
  const TensorInfo& global = parts.take("weight_global_scale", "F32", 1);
  auto m = std::make_unique<nvfp4::Nvfp4>();
  m->n_out = packed.shape[0];
  m->n_in =
      (Checked(static_cast<std::uint64_t>(packed.shape[1]), parts.place("weight_packed")) * 2).in(1, 1 << 22);
  m->n_groups = (m->n_in + 15) / 16;
  parts.require_shape(scales, "weight_scale", {m->n_out, m->n_groups});
  parts.require_shape(global, "weight_global_scale", {1});
  m->global = ModelFile::dequantize(global)[0];
  if (!(m->global > 0) || !std::isfinite(m->global))
    throw Error(parts.place("weight_global_scale"), "a finite number above 0", fmt::format("{}", m->global));
  m->group = groups_in_order(m->n_in, 16);
  m->code = PackedMatrix::Code::kE2M1;
  m->weights = packed.bytes, m->scale = scales.bytes;
  m->scales = &Registry<WeightFormat>::get("BF16", "weight format");
  m->kind = "NVFP4";
  m->stored = parts.taken_bytes();
  return m;
}

}  // namespace rw
