// SPDX-License-Identifier: Apache-2.0
/// AWQ, version gemm: qweight (n_in, n_out / 8) and qzeros (n_groups, n_out / 8) of I32, eight outputs of 4
/// bits in a word in the order 0 2 4 6 1 3 5 7; scales (n_groups, n_out). Source: Lin et al., AWQ (2024);
/// AutoAWQ 0.2.9.
#include "core/checked.h"
#include "formats/packed.h"

namespace rw::awq {
namespace {

constexpr int kShift[8] = {0, 16, 4, 20, 8, 24, 12, 28};  // of outputs 0 to 7 of a word

class Awq final : public PackedMatrix {
 public:
  std::span<const std::byte> weights, zeros, scale;

  void read(Index first, Index n_rows, PackedRows& rows) const override {
    const auto each_of = [&](std::span<const std::byte> from, Index line, const auto& put) {
      for (Index r = 0; r < n_rows; r += 8) {
        const std::uint32_t word = word_at(from, line * (n_out / 8) + (first + r) / 8);
        for (Index k = 0; k < 8; ++k) put(r + k, word >> kShift[k] & 15);
      }
    };
    for (Index i = 0; i < n_in; ++i)
      each_of(weights, i, [&](Index r, std::uint32_t q) {
        rows.q[static_cast<std::size_t>(r * n_in + i)] = static_cast<std::uint8_t>(q);
      });
    std::vector<float> some(static_cast<std::size_t>(n_rows));
    for (Index g = 0; g < n_groups; ++g) {
      scales->dequantize(scale.data() + (g * n_out + first) * scales->block_bytes, some.data(), n_rows);
      for (Index r = 0; r < n_rows; ++r)
        rows.scale[static_cast<std::size_t>(r * n_groups + g)] = some[static_cast<std::size_t>(r)];
      each_of(zeros, g, [&](Index r, std::uint32_t zero) {
        rows.zero[static_cast<std::size_t>(r * n_groups + g)] = static_cast<std::int16_t>(zero);
      });
    }
  }
};

}  // namespace
}  // namespace rw::awq

namespace rw {

std::unique_ptr<PackedMatrix> read_awq(PackedParts& parts, const HfQuantisation& quantisation) {
  if (!parts.has("qweight")) return nullptr;
  const TensorInfo &qweight = parts.take("qweight", "I32", 2), &qzeros = parts.take("qzeros", "I32", 2);
  const TensorInfo& scales = parts.take_scales("scales");
  auto m = std::make_unique<awq::Awq>();
  m->n_in = Checked(static_cast<std::uint64_t>(qweight.shape[0]), parts.place("qweight")).in(1, 1 << 22);
  m->n_out = qweight.shape[1] * 8;
  const Index size = quantisation.group_size == 0 ? m->n_in : quantisation.group_size;
  m->n_groups = (m->n_in + size - 1) / size;
  parts.require_shape(qzeros, "qzeros", {m->n_groups, qweight.shape[1]});
  parts.require_shape(scales, "scales", {m->n_groups, m->n_out});
  m->group = groups_in_order(m->n_in, size);
  m->weights = qweight.bytes, m->zeros = qzeros.bytes, m->scale = scales.bytes, m->scales = scales.format;
  m->bits = 4;
  m->kind = "AWQ 4-bit";
  m->stored = parts.taken_bytes();
  return m;
}

}  // namespace rw
