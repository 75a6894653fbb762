// SPDX-License-Identifier: Apache-2.0
/// Documents; verdicts and summaries are tested in tests/results.
#include <gtest/gtest.h>

#include "judge/runner.h"

namespace ropewalk {
namespace {

TEST(Documents, AreDisjointAndLongEnough) {
  std::vector<Token> tokens(1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i);
  const auto documents = split_document("text", tokens, {7}, 3, 300);
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[1].tokens.front(), 333);
  EXPECT_THROW(split_document("text", tokens, {}, 4, 300), Error);
  const auto context = context_before(documents[0], 333, 10);
  ASSERT_EQ(context.size(), 10u);
  EXPECT_EQ(context.front(), 7);  // BOS counts
  EXPECT_EQ(context.back(), 332);
}

}  // namespace
}  // namespace ropewalk
