// SPDX-License-Identifier: Apache-2.0
/// What of an answer counts, and RULER's score of it.
#include "metrics/share_found.h"

#include <gtest/gtest.h>

namespace rw {
namespace {

TEST(ShareFound, FoldsCaseAsPython) {
  // Expected: reference.lower() in written.lower() of Python 3.11.
  EXPECT_EQ(share_found("столица — МОСКВА.", {"Москва"}), 1);
  EXPECT_EQ(share_found("ΟΔΥΣΣΕΥΣ", {"Οδυσσευς"}), 1);       // the final sigma of both
  EXPECT_EQ(share_found("ΟΔΥΣΣΕΥΣ ΗΛΘΕ", {"οδυσσευσ"}), 0);  // which no sigma within a word is
  EXPECT_EQ(share_found("\u0130zmir", {"i\u0307zmir"}), 1);  // I with a dot above is two in lower case
  EXPECT_EQ(share_found("izmir", {"\u0130zmir"}), 0);
  EXPECT_EQ(share_found("STRASSE", {"straße"}), 0);  // lower case, no folding
  EXPECT_EQ(share_found("ab", {"B", "c"}), 0.5);
  EXPECT_EQ(share_found("ab", {}), 0);
}

TEST(BehindThoughts, IsTheAnswer) {
  EXPECT_EQ(behind_thoughts("plain"), "plain");
  EXPECT_EQ(behind_thoughts("<think>\n1111?\n</think>\n\n2222"), "2222");
  EXPECT_EQ(behind_thoughts("1111?</think> 2222"), "2222");  // begun in the prompt
  EXPECT_EQ(behind_thoughts("1111?</think> 2222", true), "2222");
  EXPECT_EQ(behind_thoughts(" <think> 1111"), "");  // never ends
  EXPECT_EQ(behind_thoughts("1111", true), "");
  EXPECT_EQ(behind_thoughts("<think></think>"), "");
  EXPECT_EQ(behind_thoughts("a</think>b</think>c"), "c");
  EXPECT_EQ(behind_thoughts("say <think> aloud"), "say <think> aloud");
}

}  // namespace
}  // namespace rw
