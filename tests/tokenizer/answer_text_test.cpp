// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/answer_text.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "core/utf8.h"

namespace rw {
namespace {

/// All that is shown of bytes that come in these pieces.
std::string shown(const std::vector<std::string>& pieces, std::vector<std::string> stops = {}) {
  AnswerText answer(std::move(stops));
  std::string text;
  for (const std::string& each : pieces) text += answer.add(each);
  return text + answer.end();
}

std::vector<std::string> bytes_of(const std::string& text) {
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  return bytes;
}

bool valid(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

TEST(AnswerText, shows_a_character_when_it_is_whole) {
  AnswerText answer;
  EXPECT_EQ(answer.add("a\xf0\x9f"), "a");
  EXPECT_EQ(answer.add("\x98"), "");
  EXPECT_EQ(answer.add("\x80."), "\xf0\x9f\x98\x80.");
  EXPECT_EQ(answer.add("\xe6\xb5"), "");
  EXPECT_EQ(answer.end(), "\xef\xbf\xbd");
}

// What Python's bytes.decode(errors="replace") writes for these.
TEST(AnswerText, replaces_what_is_no_utf8_as_python_does) {
  const std::string r = "\xef\xbf\xbd";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x80", r},          // a tail alone
      {"\xc0\xaf", r + r},  // overlong
      {"\xe2\x82", r},      // two of three bytes: one
      {"\xe2\x82x", r + "x"},
      {"\xed\xa0\x80", r + r + r},  // a surrogate
      {"\xf0\x90\x80", r},
      {"\xf4\x90\x80\x80", r + r + r + r},  // beyond U+10FFFF
      {"\xf0\x9f\x98\xe6\xb5\xb7", r + "\xe6\xb5\xb7"},
      {"\xff\xfe", r + r},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(shown({bytes}), text) << testing::PrintToString(bytes);
    EXPECT_EQ(shown(bytes_of(bytes)), text) << "byte by byte " << testing::PrintToString(bytes);
  }
}

TEST(AnswerText, ends_before_a_stop_string_however_it_is_cut) {
  for (const auto& pieces :
       {std::vector<std::string>{"one END two"}, {"one E", "N", "D two"}, {"one ", "END", " two"}}) {
    AnswerText answer({"END"});
    std::string text;
    for (const std::string& each : pieces) text += answer.add(each);
    EXPECT_EQ(text + answer.end(), "one ");
    ASSERT_TRUE(answer.stop());
    EXPECT_EQ(*answer.stop(), "END");
  }
}

TEST(AnswerText, holds_back_only_what_a_stop_string_may_begin_with) {
  AnswerText answer({"\n\nQ:", "##"});
  EXPECT_EQ(answer.add("text\n"), "text");
  EXPECT_EQ(answer.add("\n"), "");
  EXPECT_EQ(answer.add("\nQ"), "\n");  // the first of three newlines is out
  EXPECT_EQ(answer.add("x#"), "\n\nQx");
  EXPECT_EQ(answer.end(), "#");
  EXPECT_FALSE(answer.stop());
}

TEST(AnswerText, the_earliest_stop_string_counts_and_nothing_behind_it) {
  AnswerText answer({"late", "ear", "early"});
  EXPECT_EQ(answer.add("so early, late"), "so ");
  EXPECT_EQ(*answer.stop(), "ear");
  EXPECT_EQ(answer.add("more"), "");
  EXPECT_EQ(answer.end(), "");
}

TEST(AnswerText, empty_stop_strings_are_none) { EXPECT_EQ(shown({"a", "b"}, {"", ""}), "ab"); }

/// The same text however its bytes are cut, valid, and without the stop string.
TEST(AnswerText, cuts_change_nothing) {
  Random random(7);
  constexpr std::string_view kParts[] = {"a",    "b",        "ab",       "\xc3\xa4", "\xe6",
                                         "\xb5", "\xf0\x9f", "\x98\x80", "\xff"};
  for (int run = 0; run < 20000; ++run) {
    std::string bytes;
    for (std::uint32_t n = random.below(12); n > 0; --n) bytes += kParts[random.below(9)];
    const std::vector<std::string> stops{"aba", "b\xc3\xa4"};
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = 1 + random.below(4);
      pieces.push_back(bytes.substr(at, n));
      at += n;
    }
    const std::string whole = shown({bytes}, stops);
    ASSERT_EQ(shown(pieces, stops), whole) << testing::PrintToString(bytes);
    ASSERT_TRUE(valid(whole));
    for (const std::string& each : stops) ASSERT_EQ(whole.find(each), std::string::npos);
  }
}

}  // namespace
}  // namespace rw
