// SPDX-License-Identifier: Apache-2.0
/// A text that is encoded piece by piece has the ids of the whole, for every kind of tokenizer.
#include "tokenizer/token_stream.h"

#include <gtest/gtest.h>

#include "all_kinds.h"

namespace rw {
namespace {

using namespace rw::testing;

constexpr std::size_t kStretch = 2 * TokenStream::kContext;

struct Streamed {
  std::vector<Token> ids;
  std::size_t pieces = 0;
};

Streamed streamed(const Tokenizer& tokenizer, std::string_view text, bool special, Lcg& lcg) {
  Streamed result;
  TokenStream stream(
      tokenizer, special,
      [&](std::span<const Token> ids) {
        result.ids.insert(result.ids.end(), ids.begin(), ids.end());
        ++result.pieces;
      },
      kStretch);
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view part = text.substr(at, lcg.next() % 9000);  // cuts inside of a character, too
    stream.add(part);
    at += part.size();
  }
  stream.end();
  return result;
}

std::string repeated(std::string_view text, std::size_t size) {
  std::string all;
  while (all.size() < size) all += text;
  return all;
}

TEST(TokenStream, PiecesGiveTheIdsOfTheWhole) {
  Lcg lcg(11);
  for (const auto& [name, tokenizer] : all_kinds())
    for (const std::size_t block : {0u, 5u}) {
      const std::string& text = mixed_blocks()[block];
      const Streamed result = streamed(*tokenizer, text, false, lcg);
      ASSERT_TRUE(result.ids == tokenizer->encode(text)) << name << ", block " << block;
      EXPECT_GE(result.pieces, text.size() / kStretch) << name << ": it was not read in pieces";
    }
}

/// A run that is longer than what a cut is judged by; two of its signs may be one token.
TEST(TokenStream, RunsOfSignsAreNotCut) {
  Lcg lcg(13);
  for (const auto& [name, tokenizer] : all_kinds())
    for (const char* sign : {"\u2014", "\u2026", "\u3000", "-", "\u00e9"})
      for (const std::size_t before : {0u, 1u, 700u}) {
        const std::string text = repeated("Some words, then: ", 3000 + before) + repeated(sign, 6000) +
                                 " and on. " + repeated("More words. ", 5000);
        EXPECT_TRUE(streamed(*tokenizer, text, false, lcg).ids == tokenizer->encode(text))
            << name << " " << sign;
      }
}

TEST(TokenStream, WhatHoldsTogetherIsNotCut) {
  Lcg lcg(12);
  const std::string spaces = repeated(" ", 9000), newlines = repeated("\n", 9000);
  const std::string texts[] = {
      repeated("a", 30000),
      repeated("=", 30000),
      "x" + spaces + "y" + newlines + "z" + spaces + "\n",
      repeated("the </s> TOOL<s> of TO OL ", 30000),
      repeated("\xe7\xa5\x9d\xe7\xa6\x8f\xe6\x97\xa7\xe5\x8e\x86\xe3\x80\x82\xe7\x9a\x84\xef\xbc\x8c", 30000),
      repeated("e\xcc\x81 e\xcc\xa7\xcc\x81\n", 30000),
      repeated("don't we'll 1234567 8.90 $x_y(); ", 30000) + spaces,
  };
  for (const auto& [name, tokenizer] : all_kinds())
    for (const std::string& text : texts)
      for (const bool special : {false, true})
        ASSERT_TRUE(streamed(*tokenizer, text, special, lcg).ids == tokenizer->encode(text, special))
            << name << ": " << text.substr(0, 40);
}

}  // namespace
}  // namespace rw
