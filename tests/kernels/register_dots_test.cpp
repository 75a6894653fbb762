// SPDX-License-Identifier: Apache-2.0
/// Dot products of one row of x, which go from the file's bytes to sums in registers, are to the bit those of
/// several rows, for which weights are unpacked first; and what adds four products at once changes no bit.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/cpu/isa.h"
#include "weights.h"

namespace rw::cpu {

extern const Isa kVnniInEvex;  // vnni_in_evex.cpp

namespace {

/// Rows of x as an instruction set quantises them.
class QuantisedRows {
 public:
  QuantisedRows(const Isa& isa, const std::vector<float>& x, Index n_rows, Index n_in)
      : padded_((n_in + kQuantPart - 1) / kQuantPart * kQuantPart) {
    q_.resize(static_cast<std::size_t>(n_rows * padded_));
    balance_.resize(static_cast<std::size_t>(n_rows * padded_ / 4));
    factors_.resize(static_cast<std::size_t>(n_rows * padded_ / 4));
    for (Index r = 0; r < n_rows; ++r) {
      float* next = factors_.data() + r * padded_ / 4;
      QuantisedRow row{q_.data() + r * padded_, balance_.data() + r * padded_ / 4, {}, {}};
      for (int size = 0; size < 2; ++size) {
        row.scale[size] = next, next += padded_ / (size == 0 ? 16 : 32);
        row.sum[size] = next, next += padded_ / (size == 0 ? 16 : 32);
      }
      isa.quantise(x.data() + r * n_in, n_in, row);
      rows.push_back(row);
    }
  }
  std::vector<QuantisedRow> rows;

 private:
  Index padded_;
  std::vector<std::int8_t> q_;
  std::vector<std::int32_t> balance_;
  std::vector<float> factors_;
};

constexpr Index kRows = 7, kOutputs = 21;  // 4, 2 and 1 at once

/// y (n_x, kOutputs): weights of a format times rows of x, from row x_begin; the first output is left out.
std::vector<float> dots(const Isa& isa, const WeightRows& w, const QuantisedRows& x, Index x_begin,
                        Index n_x) {
  std::vector<float> y(static_cast<std::size_t>(n_x * kOutputs));
  std::vector<const std::uint8_t*> rows;
  for (Index r = 0; r < w.n_out; ++r) rows.push_back(reinterpret_cast<const std::uint8_t*>(w.row(r)));
  isa.weights(w.format->ggml_type)
      .dots_quantised({.rows = rows.data(),
                       .n_in = w.n_in,
                       .begin = 1,
                       .end = kOutputs,
                       .n_x = n_x,
                       .quantised = x.rows.data() + x_begin,
                       .x = nullptr,
                       .bias = nullptr,
                       .y = y.data(),
                       .y_stride = kOutputs,
                       .add = false,
                       .scale = 1});
  return y;
}

/// Calls body(weights, x, n_in) for every format that quantises and rows of odd and even numbers of blocks,
/// of part of a vector of scales, whole ones and more, of one pass and several.
template <class Body>
void for_weights(Body body) {
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    if (kPortable.weights(format.ggml_type).dots_quantised == nullptr) continue;
    for (Index n_blocks : {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 18, 25, 31, 33, 48, 63, 64, 65, 129, 147}) {
      const Index n_in = n_blocks * format.block_size;
      if (n_in > 4800) continue;
      auto x = numbers(kRows * n_in, static_cast<unsigned>(n_in));
      for (std::size_t i = 0; i < x.size(); i += 3) x[i] *= 64;  // so that another order of summing shows
      body(TestWeights(format, kOutputs, n_in, static_cast<unsigned>(n_blocks)).rows(), x, n_in);
    }
  }
}

std::vector<const Isa*> sets_here() {
  std::vector<const Isa*> sets;
  for (const Isa* const* isa = kInstructionSets; *isa != nullptr; ++isa)
    if ((*isa)->supported()) sets.push_back(*isa);
  return sets;
}

TEST(RegisterDots, OneRowHasTheBitsOfSeveral) {
  for (const Isa* isa : sets_here())
    for_weights([&](const WeightRows& w, const std::vector<float>& x, Index n_in) {
      const QuantisedRows rows(*isa, x, kRows, n_in);
      const auto together = dots(*isa, w, rows, 0, kRows);
      for (Index r = 0; r < kRows; ++r) {
        const auto alone = dots(*isa, w, rows, r, 1);
        ASSERT_EQ(std::memcmp(alone.data(), together.data() + r * kOutputs, alone.size() * sizeof(float)), 0)
            << isa->name << " " << w.format->name << " " << n_in << " row " << r;
      }
    });
}

[[maybe_unused]] void expect_the_bits_of(const Isa& other, const Isa& isa) {
  for_weights([&](const WeightRows& w, const std::vector<float>& x, Index n_in) {
    const QuantisedRows rows(isa, x, kRows, n_in), as_other(other, x, kRows, n_in);
    for (Index n_x : {Index{1}, kRows})
      ASSERT_EQ(std::memcmp(dots(isa, w, rows, 0, n_x).data(), dots(other, w, as_other, 0, n_x).data(),
                            static_cast<std::size_t>(n_x * kOutputs) * sizeof(float)),
                0)
          << w.format->name << " " << n_in << ", " << n_x << " rows";
  });
}

#ifdef __x86_64__
TEST(RegisterDots, FourProductsAtOnceHaveTheBitsOfAvx2) {
  if (!kAvx2Vnni.supported()) GTEST_SKIP() << "no AVX-VNNI here";
  expect_the_bits_of(kAvx2, kAvx2Vnni);
}

TEST(RegisterDots, FourProductsAtOnceHaveTheBitsOfAvx2InTheEncodingOfAvx512) {
  if (!__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512vnni"))
    GTEST_SKIP() << "no AVX-512 VNNI here";
  expect_the_bits_of(kAvx2, kVnniInEvex);
}
#elif defined(__aarch64__)
TEST(RegisterDots, FourProductsAtOnceHaveTheBitsOfNeon) {
  if (!kNeonDotprod.supported()) GTEST_SKIP() << "no dot products here";
  expect_the_bits_of(kNeon, kNeonDotprod);
}

TEST(RegisterDots, MatricesOfBytesGiveTheSameWithAndWithoutThoseOfBfloat16) {
  if (!kNeonBf16.supported()) GTEST_SKIP() << "no matrix products here";
  expect_the_bits_of(kNeonI8mm, kNeonBf16);
}
#endif

}  // namespace
}  // namespace rw::cpu
