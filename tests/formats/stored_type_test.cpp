// SPDX-License-Identifier: Apache-2.0
/// Weight types that are not computed with: named, and no obstacle to looking at a file.
#include "quant/stored_type.h"

#include <gtest/gtest.h>

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "gguf_writer.h"

namespace rw {
namespace {

TEST(StoredTypes, AgreeWithTheFormatsThatAreComputed) {
  EXPECT_GE(Registry<WeightFormat>::all().size(), 10u);
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    if (format.ggml_type < 0) continue;  // of no GGUF
    const StoredType stored = gguf_type(static_cast<std::uint32_t>(format.ggml_type));
    EXPECT_EQ(stored.name, format.name);
    EXPECT_EQ(stored.block_size, format.block_size) << format.name;
    EXPECT_EQ(stored.block_bytes, format.block_bytes) << format.name;
  }
}

TEST(StoredTypes, OfAGgufAreNamed) {
  struct {
    std::uint32_t type;
    const char* name;
    std::size_t bytes;  // of 256 weights; 0: not known
  } const types[] = {{21, "IQ3_S", 110},      {23, "IQ4_XS", 136},
                     {39, "MXFP4", 136},      {16, "IQ2_XXS", 66},
                     {28, "F64", 2048},       {139, "IQ4_K", 0},
                     {77, "ggml type 77", 0}, {0xffffffffu, "ggml type 4294967295", 0}};
  for (const auto& t : types) {
    const GgufWriter w = GgufWriter().header(1, 0).tensor("t", {256}, t.type, 0).data(2048);
    const auto file = parse_gguf(w.bytes, "test");
    const TensorInfo& tensor = file->tensor("t");
    EXPECT_EQ(tensor.type, t.name);
    EXPECT_EQ(tensor.bytes.size(), t.bytes);
    if (find_weight_format(t.type)) continue;
    try {
      ModelFile::dequantize(tensor);
      ADD_FAILURE() << t.name;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(std::string("found ") + t.name), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("Q4_K"), std::string::npos) << "names what would do: " << e.what();
    }
  }
  // Their sizes are known, so that a file that is cut short is still found out.
  EXPECT_THROW(parse_gguf(GgufWriter().header(1, 0).tensor("t", {256}, 23, 0).data(135).bytes, "test"),
               Error);
  EXPECT_THROW(parse_gguf(GgufWriter().header(1, 0).tensor("t", {255}, 23, 0).data(999).bytes, "test"),
               Error);
}

/// Id 42 is one type in llama.cpp and another in the fork that it comes from.
TEST(StoredTypes, BlocksOfQ2_0AreToldByWhereTensorsLie) {
  struct {
    std::uint64_t second, n_bytes;  // where the second tensor begins, and all end
    const char* name;
  } const cases[] = {{64 * 36, 64 * 36 + 64 * 36, "Q2_0"}, {64 * 34, 64 * 34 + 64 * 34, "PQ2_0"}};
  for (const auto& c : cases) {
    GgufWriter w;
    w.header(2, 0).tensor("a", {128, 64}, 42, 0).tensor("b", {128, 64}, 42, c.second).data(c.n_bytes);
    const auto file = parse_gguf(w.bytes, "test");
    for (const char* name : {"a", "b"}) {
      EXPECT_EQ(file->tensor(name).type, c.name);
      EXPECT_EQ(file->tensor(name).format, &Registry<WeightFormat>::get(c.name, "weight format"));
    }
  }
  GgufWriter cut;  // a file of Q2_0 whose end is missing is no other
  cut.header(2, 0).tensor("a", {128, 64}, 42, 0).tensor("b", {128, 64}, 42, 64 * 36).data(64 * (36 + 34));
  EXPECT_THROW(parse_gguf(cut.bytes, "test"), Error);
  EXPECT_THROW(
      parse_gguf(GgufWriter().header(1, 0).tensor("a", {128, 64}, 42, 0).data(64 * 33).bytes, "test"), Error);
  EXPECT_THROW(parse_gguf(GgufWriter().header(1, 0).tensor("a", {64, 64}, 42, 0).data(64 * 17).bytes, "test"),
               Error);
}

TEST(StoredTypes, OfSafetensorsAreNamed) {
  for (const auto& [dtype, bytes] : {std::pair{"I32", 8}, {"F8_E4M3", 2}, {"U8", 2}, {"F4", 1}, {"NEW", 5}}) {
    const std::string header =
        fmt::format(R"({{"x":{{"dtype":"{}","shape":[2],"data_offsets":[0,{}]}}}})", dtype, bytes);
    const std::uint64_t length = header.size();
    std::string text(reinterpret_cast<const char*>(&length), 8);
    text += header + std::string(static_cast<std::size_t>(bytes), '\0');
    const auto tensors = parse_safetensors(std::as_bytes(std::span(text)), "test");
    EXPECT_EQ(tensors.at(0).type, dtype);
    EXPECT_EQ(tensors.at(0).format != nullptr, std::string_view(dtype) == "F8_E4M3");
  }
}

}  // namespace
}  // namespace rw
