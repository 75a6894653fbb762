// SPDX-License-Identifier: Apache-2.0
/// Panels of weights hold, on every instruction set of this machine, the definition's weights to the bit:
/// every format, whole panels and the last rows of a matrix, finite blocks and blocks of any bytes.
#include <gtest/gtest.h>

#include <bit>

#include "kernels/cpu/isa.h"
#include "weights.h"

namespace rw {
namespace {

std::vector<const cpu::Isa*> instruction_sets() {
  std::vector<const cpu::Isa*> result;
  for (const cpu::Isa* const* isa = cpu::kInstructionSets; *isa != nullptr; ++isa)
    if ((*isa)->supported()) result.push_back(*isa);
  return result;
}

/// A NaN is a NaN: which of its bits it has is not promised.
std::uint32_t bits_of(float x) { return std::isnan(x) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(x); }

/// w (n_rows, n_in) as the two kinds of panels, against the definition's weights.
void expect_panels(const cpu::Isa& isa, const WeightFormat& format, const std::vector<const std::byte*>& rows,
                   Index n_in, const std::vector<float>& w) {
  const auto n_rows = static_cast<Index>(rows.size());
  const cpu::WeightKernels kernels = isa.weights(format.ggml_type);
  std::vector<float> floats(static_cast<std::size_t>(n_in + 1) * 16, 7.0f), rounded = floats;
  const auto expand = [&](void (*with)(const cpu::Expansion&), std::vector<float>& to) {
    with({reinterpret_cast<const std::uint8_t* const*>(rows.data()), static_cast<int>(n_rows), n_in,
          to.data()});
  };
  expand(kernels.expand_f32, floats);
  expand(kernels.expand_bf16, rounded);
  for (Index i = 0; i < n_in; ++i)
    for (Index r = 0; r < 16; ++r) {
      const float expected = r < n_rows ? w[static_cast<std::size_t>(r * n_in + i)] : 0.0f;
      ASSERT_EQ(bits_of(floats[static_cast<std::size_t>(i * 16 + r)]), bits_of(expected))
          << isa.name << " " << format.name << " row " << r << " input " << i;
      const auto* pairs = reinterpret_cast<const BFloat16*>(rounded.data());
      const float got = isa.wide_bf16 ? rounded[static_cast<std::size_t>(i * 16 + r)]
                                      : static_cast<float>(pairs[(i / 2 * 16 + r) * 2 + i % 2]);
      ASSERT_EQ(bits_of(got), bits_of(static_cast<float>(BFloat16(expected))))
          << isa.name << " bf16 " << format.name << " row " << r << " input " << i;
    }
  EXPECT_EQ(floats[static_cast<std::size_t>(n_in * 16)], 7.0f) << "wrote beyond the panel";
}

TEST(Expand, EveryFormatOnEverySetIsTheDefinition) {
  unsigned seed = 1;
  for (const WeightFormat& format : Registry<WeightFormat>::all())
    for (Index n_rows : {1, 7, 16})
      for (Index n_blocks : {1, 2, 5}) {
        const Index n_in = n_blocks * format.block_size;
        std::mt19937 generator(++seed);
        // From the last block on there is nothing: a sanitizer sees a read behind it.
        std::vector<std::byte> bytes(static_cast<std::size_t>(n_rows * n_blocks * format.block_bytes));
        for (std::byte& b : bytes) b = static_cast<std::byte>(generator());
        std::vector<const std::byte*> rows;
        std::vector<float> w(static_cast<std::size_t>(n_rows * n_in));
        for (Index r = 0; r < n_rows; ++r) {
          rows.push_back(bytes.data() + r * n_blocks * format.block_bytes);
          format.dequantize(rows.back(), w.data() + r * n_in, n_in);
        }
        for (const cpu::Isa* isa : instruction_sets()) expect_panels(*isa, format, rows, n_in, w);
        if (HasFatalFailure()) return;
      }
}

}  // namespace
}  // namespace rw
