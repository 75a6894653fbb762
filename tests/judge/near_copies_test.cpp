// SPDX-License-Identifier: Apache-2.0
/// Copies that differ in a line are found; texts of one language, or of one licence, are told apart.
#include "judge/near_copies.h"

#include <gtest/gtest.h>

#include "judge/retrieval.h"

namespace rw {
namespace {

/// Words of a skewed distribution, as those of a language are.
std::vector<Token> text_of(int seed, std::size_t n, Index n_vocab = 500) {
  Dice dice("near copies", seed);
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<Token>(dice.below(1 + dice.below(n_vocab))));
  return tokens;
}
std::optional<NearCopy> among(const std::vector<std::vector<Token>>& texts) {
  std::vector<Passage> passages;
  for (std::size_t i = 0; i < texts.size(); ++i) passages.push_back({texts[i], i});
  return near_copy(passages);
}
std::vector<Token> joined(std::vector<Token> a, const std::vector<Token>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(NearCopies, AnotherFirstLineIsNoOtherText) {
  const std::vector<Token> book = text_of(1, 3000), other = text_of(2, 3000);
  const auto copy = among({other, joined(text_of(3, 12), book), joined(text_of(4, 15), book)});
  ASSERT_TRUE(copy);
  EXPECT_EQ(std::pair(copy->first, copy->second), std::pair(std::size_t{1}, std::size_t{2}));
  EXPECT_GT(copy->share, 0.99);
  EXPECT_FALSE(among({other, book, text_of(5, 9000)}));
}

TEST(NearCopies, ALightHandAndAPartAreFound) {
  const std::vector<Token> book = text_of(1, 3000);
  std::vector<Token> edited = book;
  for (std::size_t i = 0; i < edited.size(); i += 100) edited[i] = 499;  // a word in a hundred
  EXPECT_TRUE(among({book, edited}));
  EXPECT_TRUE(among({text_of(2, 20000), std::vector<Token>(book.begin(), book.begin() + 300), book}));
  // What is shared has to be half of the lesser one.
  EXPECT_FALSE(among({joined(text_of(6, 900), text_of(7, 400)), joined(text_of(8, 900), text_of(7, 400))}));
  EXPECT_TRUE(among({joined(text_of(6, 300), text_of(7, 400)), joined(text_of(8, 900), text_of(7, 400))}));
}

/// [UNK] may be any word: two texts of it are not two of one text, and where a few stand among words, copies
/// are found as ever.
TEST(NearCopies, UnknownTokensAreNoWords) {
  constexpr Token kUnknown = 499;
  const std::vector<Token> unknown{kUnknown}, foreign(300, kUnknown), book = text_of(1, 3000, 400);
  std::vector<Token> table = joined(book, foreign), copy = book;
  EXPECT_TRUE(near_copy({{table, 0}, {foreign, 1}}));
  EXPECT_FALSE(near_copy({{table, 0}, {foreign, 1}}, unknown));
  for (std::size_t i = 0; i < foreign.size(); ++i)
    if (i % 3 == 0) table[book.size() + i] = 5;  // its commas
  std::vector<Token> other = std::vector<Token>(table.begin() + 3000, table.end());
  EXPECT_FALSE(near_copy({{table, 0}, {other, 1}}, unknown));
  for (std::size_t i = 0; i < copy.size(); i += 5) copy[i] = kUnknown;
  EXPECT_TRUE(near_copy({{joined(text_of(2, 15), copy), 0}, {copy, 1}}, unknown));
}

/// Work grows with the texts: what all of them share is no pair of each with each.
TEST(NearCopies, ManyTextsWithALicenceInCommon) {
  const std::vector<Token> licence = text_of(1, 900);
  std::vector<std::vector<Token>> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(joined(text_of(2 + i, 1000), licence));
  EXPECT_FALSE(among(texts));
  texts.push_back(texts[999]);
  const auto copy = among(texts);
  ASSERT_TRUE(copy);
  EXPECT_EQ(std::pair(copy->first, copy->second), std::pair(std::size_t{999}, std::size_t{1000}));
}

/// Letters recur in every text; 32 of them in a row do not.
TEST(NearCopies, LettersOfOneAlphabetAreNoCopies) {
  EXPECT_FALSE(among({text_of(1, 200000, 30), text_of(2, 200000, 30)}));
}

TEST(NearCopies, StretchesOfOneOwnerAndShortTextsAreNotCompared) {
  const std::vector<Token> book = text_of(1, 300), line = text_of(2, kCopyWindow - 1);
  EXPECT_FALSE(near_copy({{book, 0}, {book, 0}}));
  EXPECT_TRUE(near_copy({{book, 0}, {book, 1}}));
  EXPECT_FALSE(among({line, line}));
  EXPECT_FALSE(among({}));
}

/// Of more tokens than are kept every k-th window counts: the same in both.
TEST(NearCopies, LongTextsAreSampledAlike) {
  const std::vector<Token> book = text_of(1, 2500000);
  const auto copy = among({joined(text_of(3, 7), book), book});
  ASSERT_TRUE(copy);
  EXPECT_GT(copy->share, 0.999);
  EXPECT_FALSE(among({book, text_of(2, 2500000)}));
}

}  // namespace
}  // namespace rw
