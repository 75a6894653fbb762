// SPDX-License-Identifier: Apache-2.0
/// NVFP4 tensors of a GGUF with scales of their own: each matrix times its scale, the input's left out.
#include <gtest/gtest.h>

#include <cmath>

#include "formats/gguf.h"
#include "gguf_writer.h"

namespace rw {
namespace {

constexpr std::uint32_t kF32 = 0, kNvfp4 = 40;

/// `n` matrices of 2 rows of 64 weights, whose bytes count up; scales beside them where given.
std::unique_ptr<ModelFile> read(GgufWriter& w, std::uint64_t n, const std::vector<float>& scales) {
  const bool stacked = n > 1;
  const std::uint64_t bytes = n * 2 * 36;
  const std::string stem = stacked ? "blk.0.ffn_up_exps" : "blk.0.ffn_up";
  w.header(scales.empty() ? 1 : 3, 1).string_key("general.architecture", "llama");
  w.tensor(stem + ".weight",
           stacked ? std::vector<std::uint64_t>{64, 2, n} : std::vector<std::uint64_t>{64, 2}, kNvfp4, 0);
  const std::uint64_t at = (bytes + 31) / 32 * 32;
  if (!scales.empty()) w.tensor(stem + ".scale", {scales.size()}, kF32, at);
  if (!scales.empty()) w.tensor(stem + ".input_scale", {scales.size()}, kF32, at + 32);
  w.data(0);
  for (std::uint64_t i = 0; i < at; ++i)
    w.number(static_cast<std::uint8_t>(i % 36 < 4 ? 40 + i % 50 : 37 * i));
  for (const float scale : scales) w.number(scale);
  w.data(32);
  w.data(32);
  return parse_gguf(w.bytes, "test");
}

TEST(Nvfp4Scales, MultiplyEachMatrix) {
  for (const auto& scales : {std::vector<float>{0.37f}, std::vector<float>{0.37f, 2.0f, 1.1e-3f}}) {
    const std::string name = scales.size() > 1 ? "blk.0.ffn_up_exps.weight" : "blk.0.ffn_up.weight";
    GgufWriter one, other;  // whose bytes the files see
    const auto plain = read(one, scales.size(), {}), scaled = read(other, scales.size(), scales);
    const auto before = ModelFile::dequantize(plain->tensor(name)),
               after = ModelFile::dequantize(scaled->tensor(name));
    EXPECT_EQ(scaled->tensor(name).shape, plain->tensor(name).shape);
    ASSERT_EQ(before.size(), 128 * scales.size());
    ASSERT_EQ(after.size(), before.size());
    double size = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double expected = static_cast<double>(before[i]) * static_cast<double>(scales[i / 128]);
      EXPECT_NEAR(after[i], expected, 2e-7 * std::abs(expected)) << i;
      size += std::abs(expected);
    }
    EXPECT_GT(size, 0);
    EXPECT_EQ(scaled->tensors().size(), 1u);
    EXPECT_EQ(scaled->left_out().size(), 1u);
    EXPECT_EQ(scaled->stored_tensors().size(), 3u);
    EXPECT_TRUE(scaled->has_packed());
  }
}

TEST(Nvfp4Scales, OfAnotherNumberOrNoNumberAreRefused) {
  GgufWriter one, other;
  EXPECT_THROW(read(one, 3, {1.0f, 2.0f}), Error);
  EXPECT_THROW(read(other, 1, {NAN}), Error);
}

}  // namespace
}  // namespace rw
