// SPDX-License-Identifier: Apache-2.0
/// GPTQ: qweight (n_in * bits / 32, n_out) and qzeros (n_groups, n_out * bits / 32) of I32, numbers of 2, 3,
/// 4 or 8 bits from the low end on; scales (n_groups, n_out); g_idx (n_in), the group of each input, which
/// act-order (desc_act) mixes. Source: Frantar et al., GPTQ (2023); AutoGPTQ 0.7.1, whose checkpoints (v1)
/// hold zeros less one, wrapped; gptq_v2 holds them as they are. GPTQModel writes v1 by taking 0x11111111 (of
/// 4 bits) from whole words, so that a zero of 0 borrows from the one above it; of 3 bits each by itself.
#include <algorithm>

#include "core/checked.h"
#include "formats/packed.h"

namespace rw::gptq {
namespace {

class Gptq final : public PackedMatrix {
 public:
  std::span<const std::byte> weights, zeros, scale;
  std::uint32_t more = 0;          // of a zero than is stored
  std::uint32_t more_of_word = 0;  // the same of all zeros of a word, with their carries

  std::int16_t zero_at(Index g, Index o) const {
    const Index n_words = n_out * bits / 32, at = o * bits, word = at / 32, shift = at % 32;
    std::uint32_t value = (word_at(zeros, g * n_words + word) + more_of_word) >> shift;
    if (shift + bits > 32) value |= word_at(zeros, g * n_words + word + 1) << (32 - shift);
    return static_cast<std::int16_t>((value + more) & ((1u << bits) - 1));
  }
  void read(Index first, Index n_rows, PackedRows& rows) const override {
    const Index n_words = n_in * bits / 32;
    for (Index word = 0; word < n_words; word += bits)  // of 32 inputs, or of the last ones
      for (Index r = 0; r < n_rows; ++r) {
        std::uint32_t words[9] = {};
        for (Index k = 0; k < std::min<Index>(bits, n_words - word); ++k)
          words[k] = word_at(weights, (word + k) * n_out + first + r);
        const Index at = word / bits * 32;
        unpack_bits(words, bits, std::min<Index>(32, n_in - at), rows.q.data() + r * n_in + at);
      }
    std::vector<float> some(static_cast<std::size_t>(n_rows));
    for (Index g = 0; g < n_groups; ++g) {
      scales->dequantize(scale.data() + (g * n_out + first) * scales->block_bytes, some.data(), n_rows);
      for (Index r = 0; r < n_rows; ++r) {
        rows.scale[static_cast<std::size_t>(r * n_groups + g)] = some[static_cast<std::size_t>(r)];
        rows.zero[static_cast<std::size_t>(r * n_groups + g)] = zero_at(g, first + r);
      }
    }
  }
  /// Whether all zeros are half of the range; read where it decides how rows lie in memory.
  bool all_centred() const {
    for (Index g = 0; g < n_groups; ++g)
      for (Index o = 0; o < n_out; ++o)
        if (zero_at(g, o) != 1 << (bits - 1)) return false;
    return true;
  }
};

int bits_of(const PackedParts& parts, Index n_packed, Index n_out) {
  for (const int bits : {2, 3, 4, 8})
    if (n_packed * 32 == n_out * bits) return bits;
  throw Error(parts.place("qzeros"), "2, 3, 4 or 8 bits for each output",
              fmt::format("{} words for {}", n_packed, n_out), "the tensors of its module disagree");
}

}  // namespace
}  // namespace rw::gptq

namespace rw {

std::unique_ptr<PackedMatrix> read_gptq(PackedParts& parts, const HfQuantisation& quantisation) {
  if (!parts.has("qweight")) return nullptr;
  const TensorInfo &qweight = parts.take("qweight", "I32", 2), &qzeros = parts.take("qzeros", "I32", 2);
  const TensorInfo& scales = parts.take_scales("scales");
  auto m = std::make_unique<gptq::Gptq>();
  m->n_out = qweight.shape[1], m->n_groups = qzeros.shape[0];
  m->bits = gptq::bits_of(parts, qzeros.shape[1], m->n_out);
  parts.require_shape(scales, "scales", {m->n_groups, m->n_out});
  const std::string place = parts.place("qweight");
  m->n_in = (Checked(static_cast<std::uint64_t>(qweight.shape[0]), place) * 32)
                .divided_by(static_cast<std::uint64_t>(m->bits))
                .in(1, 1 << 22);
  if (parts.has("g_idx")) {
    const TensorInfo& listed = parts.take("g_idx", "I32", 1);
    parts.require_shape(listed, "g_idx", {m->n_in});
    m->group = groups_listed(listed, m->n_groups, parts.place("g_idx"));
  } else {
    const Index size = quantisation.group_size == 0 ? m->n_in : quantisation.group_size;
    parts.require_shape(scales, "scales", {(m->n_in + size - 1) / size, m->n_out});
    m->group = groups_in_order(m->n_in, size);
  }
  m->weights = qweight.bytes, m->zeros = qzeros.bytes, m->scale = scales.bytes, m->scales = scales.format;
  if (quantisation.words_less_ones && m->bits != 3)
    m->more_of_word = ~0u / ((1u << m->bits) - 1);  // 1 in each
  else
    m->more = quantisation.zeros_less_one ? 1 : 0;
  m->centred = m->bits == 8 && m->all_centred();
  m->kind = fmt::format("GPTQ {}-bit", m->bits);
  m->stored = parts.taken_bytes();
  return m;
}

}  // namespace rw
