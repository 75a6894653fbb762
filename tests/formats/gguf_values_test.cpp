// SPDX-License-Identifier: Apache-2.0
/// GGUF values and shapes against wide arithmetic: every value type is read, every shape is taken exactly
/// when it fits (T-G01, T-G04, T-G06, T-G07, T-G10, T-G13).
#include <gtest/gtest.h>

#include <limits>

#include "formats/gguf.h"
#include "gguf_writer.h"

namespace rw {
namespace {

__extension__ using Wide = unsigned __int128;

bool reads(const GgufWriter& w) {
  try {
    parse_gguf(w.bytes, "test");
    return true;
  } catch (const Error&) {
    return false;
  }
}

template <class T>
GgufWriter& value(GgufWriter& w, const char* key, std::uint32_t type, T x) {
  return w.text(key).number(type).number(x);
}

template <class T>
GgufWriter& pair_of(GgufWriter& w, const char* key, std::uint32_t type, T a, T b) {
  return w.text(key).number<std::uint32_t>(9).number(type).number<std::uint64_t>(2).number(a).number(b);
}

TEST(GgufValues, OfEveryNumberTypeAreRead) {
  GgufWriter w;
  w.header(0, 11);
  value<std::uint8_t>(w, "u8", 0, 255);
  value<std::int8_t>(w, "i8", 1, -128);
  value<std::uint16_t>(w, "u16", 2, 65535);
  value<std::int16_t>(w, "i16", 3, -32768);
  value<std::uint32_t>(w, "u32", 4, 4294967295u);
  value<std::int32_t>(w, "i32", 5, std::numeric_limits<std::int32_t>::min());
  value<float>(w, "f32", 6, 0.1f);
  value<std::uint8_t>(w, "bool", 7, 0);
  value<std::uint64_t>(w, "u64", 10, std::numeric_limits<std::int64_t>::max());
  value<std::int64_t>(w, "i64", 11, std::numeric_limits<std::int64_t>::min());
  value<double>(w, "f64", 12, 0.1);
  const auto file = parse_gguf(w.bytes, "test");
  EXPECT_EQ(file->integer("u8"), 255);
  EXPECT_EQ(file->integer("i8"), -128);
  EXPECT_EQ(file->integer("u16"), 65535);
  EXPECT_EQ(file->integer("i16"), -32768);
  EXPECT_EQ(file->integer("u32"), 4294967295);
  EXPECT_EQ(file->integer("i32"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(file->number("f32"), static_cast<double>(0.1f));
  EXPECT_EQ(file->boolean("bool"), false);
  EXPECT_EQ(file->integer("u64"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(file->integer("i64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(file->number("f64"), 0.1);
}

TEST(GgufValues, OfEveryListTypeAreRead) {
  GgufWriter w;
  w.header(0, 8);
  pair_of<std::uint8_t>(w, "u8", 0, 1, 255);
  pair_of<std::int8_t>(w, "i8", 1, 1, -1);
  pair_of<std::int16_t>(w, "i16", 3, 1, -1);
  pair_of<std::uint32_t>(w, "u32", 4, 1, 4294967295u);
  pair_of<float>(w, "f32", 6, 1, 0.5f);
  pair_of<std::uint8_t>(w, "bool", 7, 1, 0);
  pair_of<std::int64_t>(w, "i64", 11, 1, -1);
  pair_of<double>(w, "f64", 12, 1, 0.25);
  const auto file = parse_gguf(w.bytes, "test");
  using Whole = std::vector<std::int64_t>;
  EXPECT_EQ(*file->integers("u8"), (Whole{1, 255}));
  EXPECT_EQ(*file->integers("i8"), (Whole{1, -1}));
  EXPECT_EQ(*file->integers("i16"), (Whole{1, -1}));
  EXPECT_EQ(*file->integers("u32"), (Whole{1, 4294967295}));
  EXPECT_EQ(*file->numbers("f32"), (std::vector<double>{1, 0.5}));
  EXPECT_EQ(*file->integers("bool"), (Whole{1, 0}));
  EXPECT_EQ(*file->integers("i64"), (Whole{1, -1}));
  EXPECT_EQ(*file->numbers("f64"), (std::vector<double>{1, 0.25}));
}

TEST(GgufValues, OutOfTheirTypesRangeAreRefused) {
  GgufWriter big, neither, unknown;
  big.header(0, 1);
  EXPECT_FALSE(reads(value<std::uint64_t>(big, "k", 10, std::uint64_t{1} << 63)));
  neither.header(0, 1);
  EXPECT_FALSE(reads(value<std::uint8_t>(neither, "k", 7, 2)));
  for (std::uint32_t type : {13u, 255u, 0x80000000u, 0xffffffffu}) {
    unknown = GgufWriter();
    unknown.header(0, 1);
    EXPECT_FALSE(reads(value<std::uint64_t>(unknown, "k", type, 0))) << type;
  }
}

TEST(GgufCounts, TakeWhatIsLeftAndNotOneMore) {
  for (std::uint64_t more : {0, 1}) {
    GgufWriter text, list;
    text.header(0, 1).text("k").number<std::uint32_t>(8).number<std::uint64_t>(10 + more);
    text.bytes.resize(text.bytes.size() + 10);
    EXPECT_EQ(reads(text), more == 0);
    list.header(0, 1).text("k").number<std::uint32_t>(9).number<std::uint32_t>(3).number<std::uint64_t>(5 +
                                                                                                        more);
    list.bytes.resize(list.bytes.size() + 10);
    EXPECT_EQ(reads(list), more == 0);
    GgufWriter name;
    name.header(0, 1).number<std::uint64_t>(1 + more).number<std::uint8_t>('k');
    name.number<std::uint32_t>(7);
    if (more == 0) name.number<std::uint8_t>(1);
    EXPECT_EQ(reads(name), more == 0);
  }
}

TEST(GgufCounts, StringsEndAt16MiB) {
  for (std::size_t more : {0, 1}) {
    GgufWriter w;  // the bytes are there: only the cap can refuse it
    w.header(0, 1).string_key("k", std::string((std::size_t{16} << 20) + more, 'x'));
    EXPECT_EQ(reads(w), more == 0);
  }
}

/// Shapes from numbers around powers of two: taken exactly when wide arithmetic says that the bytes are
/// there.
TEST(GgufShapes, AreTakenExactlyWhenTheyFit) {
  constexpr std::uint64_t kOne = 1;
  std::vector<std::uint64_t> extents{0, 1, 2, 3};
  for (int k : {5, 31, 32, 61, 62, 63})
    for (std::uint64_t x : {(kOne << k) - 1, kOne << k, (kOne << k) + 1}) extents.push_back(x);
  extents.push_back(~std::uint64_t{0});
  constexpr std::size_t kData = 4096;
  int taken = 0;
  for (std::uint64_t a : extents)
    for (std::uint64_t b : extents)
      for (std::uint64_t c : extents)
        for (std::uint64_t d : {kOne, std::uint64_t{3}, kOne << 32, kOne << 63}) {
          // A product beyond 2^64 never fits, so it is multiplied no further: 128 bits then hold it.
          Wide elements = 1;
          for (std::uint64_t x : {a, b, c, d})
            elements = elements > (Wide{1} << 64) && x > 0 ? elements : elements * x;
          const bool fits = a > 0 && b > 0 && c > 0 && elements <= kData / 4;
          const GgufWriter w = GgufWriter().header(1, 0).tensor("t", {a, b, c, d}, 0, 0).data(kData);
          ASSERT_EQ(reads(w), fits) << a << " " << b << " " << c << " " << d;
          taken += fits;
        }
  EXPECT_GT(taken, 20);
}

TEST(GgufShapes, OfEveryFormatEndWithTheFile) {
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    if (format.ggml_type < 0) continue;  // of no GGUF
    const auto block = static_cast<std::uint64_t>(format.block_size);
    const auto bytes = static_cast<std::size_t>(format.block_bytes);
    const auto type = static_cast<std::uint32_t>(format.ggml_type);
    auto with = [&](std::uint64_t extent, std::size_t n_data) {
      return reads(GgufWriter().header(1, 0).tensor("t", {extent}, type, 0).data(n_data));
    };
    EXPECT_TRUE(with(3 * block, 3 * bytes)) << format.name;
    EXPECT_FALSE(with(3 * block, 3 * bytes - 1)) << format.name;  // T-G13: one byte short
    EXPECT_FALSE(with(4 * block, 3 * bytes)) << format.name;      // T-G04: one block more
    if (block > 1) {
      EXPECT_FALSE(with(3 * block - 1, 3 * bytes)) << format.name;  // not whole blocks
    }
  }
}

TEST(GgufShapes, ThatEndNear2To64AreRefused) {
  // T-G03, T-G05, T-G07: offset + size, or size + padding, comes close to 2^64 or wraps.
  for (std::uint64_t offset : {~std::uint64_t{0} - 31, std::uint64_t{1} << 63, ~std::uint64_t{0} - 4095})
    for (std::uint64_t n : {1u, 8u, 16u, 1024u})
      EXPECT_FALSE(reads(GgufWriter().header(1, 0).tensor("t", {n}, 0, offset / 32 * 32).data(64)));
  for (std::uint64_t n : {(std::uint64_t{1} << 62) - 1, (std::uint64_t{1} << 62) - 8, std::uint64_t{1} << 61})
    EXPECT_FALSE(reads(GgufWriter().header(2, 0).tensor("a", {n}, 0, 0).tensor("b", {n}, 0, 32).data(64)));
}

TEST(GgufTypes, AreComputedWithOrNamed) {
  int known = 0;
  for (std::uint32_t type = 0; type <= 64; ++type) {
    const GgufWriter w = GgufWriter().header(1, 0).tensor("t", {256}, type, 0).data(2048);
    const auto file = parse_gguf(w.bytes, "test");
    const TensorInfo& tensor = file->tensor("t");
    EXPECT_EQ(tensor.format, find_weight_format(type)) << type;
    EXPECT_FALSE(tensor.type.empty());
    if (tensor.format == nullptr) {
      EXPECT_THROW(ModelFile::dequantize(tensor), Error) << type;
    }
    known += tensor.format != nullptr;
  }
  EXPECT_EQ(known, 28);
}

}  // namespace
}  // namespace rw
