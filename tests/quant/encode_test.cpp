// SPDX-License-Identifier: Apache-2.0
/// Weights are stored as the `gguf` package stores them, to the bit (recorded), and what would be lost is
/// refused.
#include "quant/encode.h"

#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

#include "core/json.h"

namespace rw {
namespace {

const WeightFormat& format(std::string_view name) {
  return Registry<WeightFormat>::get(name, "weight format");
}

std::vector<std::byte> encoded(std::string_view name, const std::vector<float>& values) {
  const WeightFormat& to = format(name);
  std::vector<std::byte> bytes(values.size() / static_cast<std::size_t>(to.block_size) *
                               static_cast<std::size_t>(to.block_bytes));
  encode(to, values.data(), bytes.data(), static_cast<Index>(values.size()), "tensor x");
  return bytes;
}

TEST(Encode, EqualsTheGgufPackageToTheBit) {
  std::ifstream in(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/encode.json");
  std::ostringstream text;
  text << in.rdbuf();
  const JsonInput golden = parse_json(text.str(), "encode.json");
  std::vector<float> values;
  for (const JsonInput& bits : golden["bits"])
    values.push_back(std::bit_cast<float>(bits.get<std::uint32_t>()));
  ASSERT_EQ(golden["formats"].size(), 3u);
  for (const auto& [name, hex] : golden["formats"].items()) {
    const std::vector<std::byte> bytes = encoded(name, values);
    const auto expected = hex.get<std::string>();
    ASSERT_EQ(bytes.size() * 2, expected.size()) << name;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      ASSERT_EQ(std::to_integer<int>(bytes[i]), std::stoi(expected.substr(2 * i, 2), nullptr, 16))
          << name << " byte " << i;
  }
}

TEST(Encode, ReadsBackWhatEachFormatHolds) {
  std::vector<float> values(65536 * 2);
  for (std::size_t i = 0; i < 65536; ++i)
    values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(i) << 16);
  std::erase_if(values, [](float v) { return !std::isfinite(v); });
  for (const char* name : {"F32", "BF16"}) {
    std::vector<float> back(values.size());
    format(name).dequantize(encoded(name, values).data(), back.data(), static_cast<Index>(back.size()));
    EXPECT_EQ(std::memcmp(values.data(), back.data(), values.size() * 4), 0) << name;
  }
  std::vector<std::uint16_t> halves;
  for (std::uint32_t h = 0; h < 65536; ++h)
    if ((h & 0x7c00u) != 0x7c00u) halves.push_back(static_cast<std::uint16_t>(h));
  std::vector<float> all(halves.size());
  format("F16").dequantize(reinterpret_cast<const std::byte*>(halves.data()), all.data(),
                           static_cast<Index>(all.size()));
  EXPECT_EQ(std::memcmp(encoded("F16", all).data(), halves.data(), halves.size() * 2), 0);
}

TEST(Encode, RefusesWhatIsNotFiniteOrPastTheRange) {
  const float infinity = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> block(32, 0.5f);
  for (const char* name : {"F32", "F16", "BF16", "Q8_0"})
    for (const float wrong : {infinity, -infinity, nan}) {
      block[31] = wrong;
      EXPECT_THROW(encoded(name, block), Error) << name << wrong;
    }
  block[31] = 65520;  // rounds to infinity in F16
  EXPECT_THROW(encoded("F16", block), Error);
  block[31] = 1e7f;  // d = 78740
  EXPECT_THROW(encoded("Q8_0", block), Error);
  block[31] = std::numeric_limits<float>::max();
  EXPECT_THROW(encoded("BF16", block), Error);
  EXPECT_NO_THROW(encoded("F32", block));
  EXPECT_FALSE(can_encode(format("Q4_1")));
}

}  // namespace
}  // namespace rw
