// SPDX-License-Identifier: Apache-2.0
/// The GGUF reader on good, cut, damaged and hostile files: an Error or a whole model, never a crash.
#include "formats/gguf.h"

#include <gtest/gtest.h>

#include "gguf_writer.h"

namespace rw {
namespace {

const std::uint64_t kHuge[] = {0x7fffffffu,
                               0x80000000u,
                               0xffffffffu,
                               std::uint64_t{1} << 32,
                               ~std::uint64_t{0} >> 1,
                               std::uint64_t{1} << 63,
                               ~std::uint64_t{0} - 31,
                               ~std::uint64_t{0}};

void expect_error(const GgufWriter& w) { EXPECT_THROW(parse_gguf(w.bytes, "test"), Error); }

TEST(Gguf, ReadsASmallFile) {
  const GgufWriter w = small_gguf();
  const auto file = parse_gguf(w.bytes, "test");
  EXPECT_EQ(file->container(), "GGUF v3");
  EXPECT_EQ(file->string("general.architecture"), "llama");
  EXPECT_EQ(file->integer("llama.block_count"), 2);
  EXPECT_EQ(file->number("a.float"), 1.5);
  EXPECT_EQ(file->boolean("a.bool"), true);
  EXPECT_EQ(file->strings("a.list")->at(1), "yz");
  EXPECT_EQ(file->tensor("one").shape, (std::vector<Index>{2, 4}));
  EXPECT_EQ(file->tensor("two").bytes.size(), 34u);
  EXPECT_TRUE(file->interleaved_qk());
  EXPECT_THROW(file->tensor("three"), Error);
  EXPECT_THROW(file->integer("general.architecture"), Error);
}

TEST(Gguf, RejectsEveryPrefix) {
  const GgufWriter w = small_gguf();
  for (std::size_t n = 0; n < w.bytes.size(); ++n)
    EXPECT_THROW(parse_gguf(std::span(w.bytes).first(n), "test"), Error) << n;
}

TEST(Gguf, RejectsHugeCounts) {
  for (std::uint64_t n : kHuge) {
    expect_error(GgufWriter().header(n, 0).data(64));
    expect_error(GgufWriter().header(0, n).data(64));
    GgufWriter name;
    name.header(0, 1).number(n).data(64);
    expect_error(name);
    for (std::uint32_t type = 0; type <= 12; ++type) {
      GgufWriter list;
      list.header(0, 1).text("k").number<std::uint32_t>(9).number(type).number(n).data(64);
      expect_error(list);
    }
    expect_error(GgufWriter().header(1, 0).tensor("t", {32}, 0, n / 32 * 32).data(128));
  }
}

TEST(Gguf, RejectsShapesThatDoNotFit) {
  std::vector<std::uint64_t> extents{0, 2, 3};
  for (std::uint64_t n : kHuge) extents.push_back(n);
  for (std::uint64_t a : extents)
    for (std::uint64_t b : extents)
      for (std::uint64_t c : extents) {
        const bool small = a > 0 && a < 4 && b > 0 && b < 4 && c > 0 && c < 4;
        const GgufWriter w = GgufWriter().header(1, 0).tensor("t", {a, b, c}, 0, 0).data(108);
        if (small)
          EXPECT_NO_THROW(parse_gguf(w.bytes, "test"));
        else
          expect_error(w);
      }
}

TEST(Gguf, RejectsDimensionsAndVersions) {
  expect_error(GgufWriter().header(1, 0).tensor("t", {}, 0, 0).data(64));
  expect_error(GgufWriter().header(1, 0).tensor("t", {1, 1, 1, 1, 1}, 0, 0).data(64));
  expect_error(GgufWriter().header(1, 0).tensor("t", {33}, 8, 0).data(128));  // not whole blocks
  expect_error(GgufWriter().header(1, 0).tensor("t", {4}, 0, 8).data(64));    // offset not aligned
  for (std::uint32_t version : {0u, 1u, 4u, 0x03000000u}) expect_error(GgufWriter().header(0, 0, version));
}

/// `depth` arrays in each other, the innermost of two u8.
GgufWriter nested(int depth) {
  GgufWriter w;
  w.header(0, 2).text("k").number<std::uint32_t>(9);
  for (int d = 1; d < depth; ++d) w.number<std::uint32_t>(9).number<std::uint64_t>(1);
  w.number<std::uint32_t>(0).number<std::uint64_t>(2).number<std::uint16_t>(0x0201);
  return w.u32_key("after", 7);
}

TEST(Gguf, ReadsOverListsOfLists) {
  for (int depth : {2, 3, 5}) {
    const GgufWriter w = nested(depth);
    const auto file = parse_gguf(w.bytes, "test");
    EXPECT_EQ(std::get<NestedList>(file->metadata().find("k")->second).n, 1u);
    EXPECT_EQ(file->integer("after"), 7);
    EXPECT_THROW(file->integers("k"), Error);
    for (std::size_t n = 0; n < w.bytes.size(); ++n)
      EXPECT_THROW(parse_gguf(std::span(w.bytes).first(n), "test"), Error) << n;
  }
  expect_error(nested(6));
  expect_error(nested(100000));
}

TEST(Gguf, RejectsBadAlignmentAndDuplicates) {
  for (std::uint32_t alignment : {0u, 1u, 3u, 13u, 0x200000u, 0x80000000u})
    expect_error(
        GgufWriter().header(1, 1).u32_key("general.alignment", alignment).tensor("t", {4}, 0, 0).data(4096));
  expect_error(GgufWriter().header(0, 2).u32_key("a", 1).u32_key("a", 2));
  expect_error(GgufWriter().header(2, 0).tensor("t", {4}, 0, 0).tensor("t", {4}, 0, 32).data(64));
  GgufWriter wrong_type;
  wrong_type.header(1, 1).string_key("general.alignment", "32").tensor("t", {4}, 0, 0).data(64);
  expect_error(wrong_type);
}

TEST(Gguf, ManyTinyKeysAreReadInOneGo) {
  GgufWriter w;
  w.header(0, 100000);
  for (int i = 0; i < 100000; ++i) w.u32_key(std::to_string(i), 1);
  EXPECT_EQ(parse_gguf(w.bytes, "test")->metadata().size(), 100000u);
}

TEST(ModelFile, NamesWhatItExpected) {
  try {
    ModelFile::open("/nowhere/model.gguf");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("expected a readable file"), std::string::npos);
  }
  EXPECT_THROW(ModelFile::open("/dev/null"), Error);
}

}  // namespace
}  // namespace rw
