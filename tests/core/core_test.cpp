// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/buffer.h"
#include "core/checked.h"
#include "core/json.h"
#include "core/registry.h"
#include "core/text.h"

namespace rw {
namespace {

TEST(Error, SaysPlaceExpectationFindingAndHintInOneLine) {
  EXPECT_STREQ(Error("file", "a number", "'x'", "look again").what(),
               "file: expected a number; found 'x'; hint: look again");
  EXPECT_THROW(RW_CHECK(1 == 2), LogicError);
}

TEST(Checked, RefusesWhatWouldWrap) {
  const std::uint64_t big = std::uint64_t{1} << 62;
  EXPECT_EQ((Checked(3, "x") * 4 + 5).index(), 17);
  EXPECT_EQ(Checked(big, "x").size(), big);
  EXPECT_THROW(Checked(big + 1, "x"), Error);
  EXPECT_THROW(Checked(std::numeric_limits<std::uint64_t>::max(), "x"), Error);
  EXPECT_THROW(Checked(std::uint64_t{1} << 32, "x") * (std::uint64_t{1} << 32), Error);
  EXPECT_THROW(Checked(std::uint64_t{1} << 31, "x") * (std::uint64_t{1} << 33), Error);
  EXPECT_THROW(Checked(big, "x") + 1, Error);
  EXPECT_THROW(Checked(7, "x").divided_by(0), Error);
  EXPECT_THROW(Checked(7, "x").divided_by(2), Error);
  EXPECT_THROW(Checked(7, "x").in(1, 6), Error);
}

TEST(BFloat16, RoundsToNearestEvenAndKeepsSpecialValues) {
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f)), 1.0f);
  EXPECT_EQ(static_cast<float>(BFloat16(1.00390625f)), 1.0f);       // half way: to even
  EXPECT_EQ(static_cast<float>(BFloat16(1.01171875f)), 1.015625f);  // half way: to even
  EXPECT_TRUE(std::isinf(static_cast<float>(BFloat16(INFINITY))));
  EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Json, IsLimitedInSizeDepthAndKeys) {
  EXPECT_EQ(parse_json("{\"a\": [1, 2]}", "x")["a"][1], 2);
  EXPECT_THROW(parse_json(std::string(1000000, '['), "x"), Error);
  EXPECT_THROW(parse_json("[[[1]]]", "x", 100, 2), Error);
  EXPECT_THROW(parse_json("[1]", "x", 2), Error);
  EXPECT_THROW(parse_json("{\"a\": 1, \"a\": 2}", "x"), Error);
  EXPECT_THROW(parse_json("{\"a\": ", "x"), Error);
  EXPECT_EQ(parse_json("[\"[[[[\\\"[[\"]", "x", 100, 1).size(), 1u);  // brackets in strings do not nest
  EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\"");           // invalid UTF-8 never throws
}

TEST(Registry, SuggestsTheNearestName) {
  EXPECT_EQ(edit_distance("rerope", "reroep"), 2u);
  EXPECT_NE(did_you_mean("yran", {"pi", "yarn"}).find("did you mean yarn"), std::string::npos);
  EXPECT_EQ(did_you_mean("zzzzzzzz", {"pi", "yarn"}), "known: pi, yarn");
}

TEST(Words, HaveOnePlural) {
  EXPECT_EQ(counted(1, "document"), "1 document");
  EXPECT_EQ(counted(0, "document"), "0 documents");
  EXPECT_EQ(counted(2, "stretch"), "2 stretches");
  EXPECT_EQ(counted(2, "process"), "2 processes");
  EXPECT_EQ(counted(1, "stretch"), "1 stretch");
}

TEST(Words, AreWrappedAtSpaces) {
  EXPECT_EQ(wrapped("one two three", "", 7), "one two\nthree\n");
  EXPECT_EQ(wrapped("one two three", "  ", 7), "one two\n  three\n");
  EXPECT_EQ(wrapped("a longest-of-words b", "  ", 7), "a\n  longest-of-words\n  b\n");
  EXPECT_EQ(wrapped(""), "\n");
  for (std::size_t width = 1; width < 20; ++width) {  // no word is lost or cut
    std::string text = wrapped("some words of text, and some-longer-ones", " ", width), words;
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text[at] == '\n') text[at] = ' ';
    for (const char c : text)
      if (c != ' ' || (!words.empty() && words.back() != ' ')) words += c;
    EXPECT_EQ(words, "some words of text, and some-longer-ones ");
  }
}

TEST(Buffer, IsAlignedAndZero) {
  Buffer<float> buffer(100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
  for (float x : buffer.span()) EXPECT_EQ(x, 0);
}

}  // namespace
}  // namespace rw
