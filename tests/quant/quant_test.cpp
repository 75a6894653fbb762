// SPDX-License-Identifier: Apache-2.0
/// Every weight format equals the `gguf` package's dequantisation to the bit (recorded).
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/json.h"
#include "quant/format.h"

namespace rw {
namespace {

TEST(WeightFormats, EqualTheGgufPackageToTheBit) {
  std::ifstream in(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/quant.json");
  std::ostringstream text;
  text << in.rdbuf();
  const JsonInput golden = parse_json(text.str(), "quant.json");
  EXPECT_EQ(golden["formats"].size(), Registry<WeightFormat>::all().size());
  for (const auto& [name, expected] : golden["formats"].items()) {
    const WeightFormat& format = Registry<WeightFormat>::get(name, "weight format");
    const auto hex = expected["bytes"].get<std::string>();
    std::vector<std::byte> bytes(1);  // one byte in front: blocks need not be aligned
    for (std::size_t i = 0; i < hex.size(); i += 2)
      bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    const auto n = static_cast<Index>(expected["bits"].size());
    ASSERT_EQ(static_cast<Index>(bytes.size()) - 1, n / format.block_size * format.block_bytes) << name;
    std::vector<float> values(static_cast<std::size_t>(n));
    format.dequantize(bytes.data() + 1, values.data(), n);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), expected["bits"][i].get<std::uint32_t>())
          << name << " " << i;
  }
}

TEST(WeightFormats, HalvesAreExact) {
  const std::uint16_t bits[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00, 0x8000};
  float values[7];
  Registry<WeightFormat>::get("F16", "weight format")
      .dequantize(reinterpret_cast<const std::byte*>(bits), values, 7);
  EXPECT_EQ(values[0], 1.0f);
  EXPECT_EQ(values[1], -2.0f);
  EXPECT_EQ(values[2], 0x1p-24f);
  EXPECT_EQ(values[3], 65504.0f);
  EXPECT_TRUE(std::isinf(values[4]));
  EXPECT_TRUE(std::isnan(values[5]));
  EXPECT_TRUE(values[6] == 0 && std::signbit(values[6]));
}

TEST(WeightFormats, AreOneFileEach) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROPEWALK_SOURCE_DIR) + "/src/quant/formats"))
    files += entry.path().extension() == ".h";
  EXPECT_EQ(Registry<WeightFormat>::all().size(), files);
}

TEST(WeightFormats, AreFoundByTheirGgufId) {
  EXPECT_EQ(find_weight_format(12)->name, "Q4_K");
  EXPECT_EQ(find_weight_format(4), nullptr);  // removed from GGUF
  EXPECT_EQ(find_weight_format(0xffffffffu), nullptr);
}

}  // namespace
}  // namespace rw
