// SPDX-License-Identifier: Apache-2.0
/// compressed-tensors, format pack-quantized: weight_packed (n_out, n_in * bits / 32) of I32, numbers of 2, 4
/// or 8 bits from the low end on, raised by half of their range; weight_scale (n_out, n_groups); weight_shape
/// (2), what weight_packed pads; weight_zero_point (n_out * bits / 32, n_groups) of I32, packed and raised
/// likewise, where the zero is not the middle; weight_g_idx (n_in), the group of each input, where act-order
/// mixes them (-1: it does not). Source: compressed-tensors 0.20.0.

#include "core/bytes.h"
#include "core/checked.h"
#include "formats/packed.h"

namespace rw::pack_quantized {
namespace {

class PackQuantized final : public PackedMatrix {
 public:
  std::span<const std::byte> weights, zeros, scale;  // zeros: empty where there are none

  std::int16_t zero_at(Index o, Index g) const {
    if (zeros.empty()) return static_cast<std::int16_t>(1 << (bits - 1));
    const Index each = 32 / bits;
    return static_cast<std::int16_t>(word_at(zeros, o / each * n_groups + g) >> (o % each * bits) &
                                     ((1u << bits) - 1));
  }
  void read(Index first, Index n_rows, PackedRows& rows) const override {
    const Index n_words = (n_in * bits + 31) / 32;
    std::vector<std::uint32_t> words(static_cast<std::size_t>(n_words));
    for (Index r = 0; r < n_rows; ++r) {
      copy_bytes(words.data(), weights.data() + (first + r) * n_words * 4, words.size() * 4);
      unpack_bits(words.data(), bits, n_in, rows.q.data() + r * n_in);
      for (Index g = 0; g < n_groups; ++g)
        rows.zero[static_cast<std::size_t>(r * n_groups + g)] = zero_at(first + r, g);
    }
    scales->dequantize(scale.data() + first * n_groups * scales->block_bytes, rows.scale.data(),
                       n_rows * n_groups);
  }
  bool all_centred() const {
    for (Index o = 0; o < n_out && !zeros.empty(); ++o)
      for (Index g = 0; g < n_groups; ++g)
        if (zero_at(o, g) != 1 << (bits - 1)) return false;
    return true;
  }
};

/// The two whole numbers of weight_shape.
std::vector<Index> shape_of(PackedParts& parts) {
  const bool wide = !parts.has("weight_shape", "I32");
  const TensorInfo& tensor = parts.take("weight_shape", wide ? "I64" : "I32", 1);
  parts.require_shape(tensor, "weight_shape", {2});
  const std::string place = parts.place("weight_shape");
  std::vector<Index> shape;
  for (std::size_t i = 0; i < 2; ++i) {
    std::uint64_t value = 0;
    copy_bytes(&value, tensor.bytes.data() + i * (wide ? 8 : 4), wide ? 8 : 4);
    shape.push_back(Checked(value, place).in(1, 1 << 30));
  }
  return shape;
}

int bits_of(const PackedParts& parts, Index n_words, Index n_in) {
  for (const int bits : {2, 4, 8})
    if (n_words == (n_in * bits + 31) / 32) return bits;
  throw Error(parts.place("weight_packed"), "2, 4 or 8 bits for each input",
              fmt::format("{} words for {}", n_words, n_in), "this engine reads no other widths");
}

void read_groups(PackedParts& parts, PackQuantized& m) {
  std::vector<std::int32_t> listed;
  if (parts.has("weight_g_idx")) {
    const TensorInfo& tensor = parts.take("weight_g_idx", "I32", 1);
    parts.require_shape(tensor, "weight_g_idx", {m.n_in});
    bool mixed = true;
    for (Index i = 0; i < m.n_in; ++i) mixed = mixed && word_at(tensor.bytes, i) != 0xffffffffu;
    if (mixed) m.group = groups_listed(tensor, m.n_groups, parts.place("weight_g_idx"));
  }
  if (!m.group.empty()) return;
  const std::string place = parts.place("weight_scale");
  const Checked n_in(static_cast<std::uint64_t>(m.n_in), place);
  m.group = groups_in_order(m.n_in, n_in.divided_by(static_cast<std::uint64_t>(m.n_groups)).index());
}

}  // namespace
}  // namespace rw::pack_quantized

namespace rw {

std::unique_ptr<PackedMatrix> read_pack_quantized(PackedParts& parts, const HfQuantisation&) {
  const TensorInfo& packed = parts.take("weight_packed", "I32", 2);
  const TensorInfo& scales = parts.take_scales("weight_scale");
  const std::vector<Index> shape = pack_quantized::shape_of(parts);
  auto m = std::make_unique<pack_quantized::PackQuantized>();
  m->n_out = shape[0];
  m->n_in = Checked(static_cast<std::uint64_t>(shape[1]), parts.place("weight_shape")).in(1, 1 << 22);
  parts.require_shape(packed, "weight_packed", {m->n_out, packed.shape[1]});
  m->bits = pack_quantized::bits_of(parts, packed.shape[1], m->n_in);
  m->n_groups = scales.shape.size() == 2 ? scales.shape[1] : 1;
  if (scales.shape.size() != 1) parts.require_shape(scales, "weight_scale", {m->n_out, m->n_groups});
  if (scales.shape.size() == 1) parts.require_shape(scales, "weight_scale", {m->n_out});
  pack_quantized::read_groups(parts, *m);
  if (parts.has("weight_zero_point")) {
    const TensorInfo& zeros = parts.take("weight_zero_point", "I32", 2);
    parts.require_shape(zeros, "weight_zero_point", {(m->n_out * m->bits + 31) / 32, m->n_groups});
    m->zeros = zeros.bytes;
  }
  m->weights = packed.bytes, m->scale = scales.bytes, m->scales = scales.format;
  m->centred = m->bits == 8 && m->all_centred();
  m->kind = fmt::format("compressed {}-bit", m->bits);
  m->stored = parts.taken_bytes();
  return m;
}

}  // namespace rw
