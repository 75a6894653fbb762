// SPDX-License-Identifier: Apache-2.0
/// LongBench v2: its fields, lines or one array, the prompt, and the letter that an answer names.
#include "judge/import/longbench_v2.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace rw {
namespace {

const std::string kOne =
    R"({"_id": "a1", "domain": "Law", "sub_domain": "Cases", "difficulty": "hard", "length": "short",)"
    R"( "question": " Who? ", "choice_A": "one", "choice_B": "two\u3000", "choice_C": "$Q$", "choice_D": "four",)"
    R"( "answer": "B", "context": "\n The text, with $Q$. "})";

std::string message_of(const std::string& text) {
  try {
    read_longbench_v2(text, "f.json", "");
  } catch (const Error& e) {
    return e.what();
  }
  return "it was read";
}

TEST(LongBenchV2, ReadsLinesAndArraysAlike) {
  for (const std::string& text : {kOne + "\n\n" + kOne, "\xef\xbb\xbf [" + kOne + ",\n" + kOne + "]\n"}) {
    const auto questions = read_longbench_v2(text, "f", "");
    ASSERT_EQ(questions.size(), 2u) << text;
    const FileQuestion& q = questions[1];
    EXPECT_EQ(q.id, "a1");
    EXPECT_EQ(q.group, "LongBench v2");
    EXPECT_EQ(q.also, (std::vector<std::string>{"hard", "short"}));
    EXPECT_EQ(q.n_predict, 128);
    EXPECT_TRUE(q.chat);
    EXPECT_EQ(q.references, std::vector<std::string>{"B"});
    EXPECT_EQ(q.score("The correct answer is (B)."), 1);
    EXPECT_EQ(q.score("The correct answer is (C)."), 0);
    EXPECT_EQ(q.score(""), 0);
  }
}

/// What is put in is stripped as Python does it, and is not looked at again.
TEST(LongBenchV2, PutsEachFieldIntoThePromptOnce) {
  EXPECT_EQ(read_longbench_v2(kOne, "f", "$DOC$|$Q$|$C_A$|$C_B$|$C_C$|$C_D$|$X$").at(0).prompt,
            "The text, with $Q$.|Who?|one|two|$Q$|four|$X$");
  const std::string own = read_longbench_v2(kOne, "f", "").at(0).prompt;
  EXPECT_NE(
      own.find("<text>\nThe text, with $Q$.\n</text>\n\nWhat is the correct answer to this question: Who?\n"
               "Choices:\n(A) one\n(B) two\n"),
      std::string::npos)
      << own;
}

/// re.search of "The correct answer is \(([A-D])\)", then of the same without brackets, asterisks removed.
TEST(LongBenchV2, FindsTheLetterAsItsScriptDoes) {
  EXPECT_EQ(chosen_letter("The correct answer is (A)"), "A");
  EXPECT_EQ(chosen_letter("**The correct answer is (D)**, since"), "D");
  EXPECT_EQ(chosen_letter("The correct answer is *C*."), "C");
  EXPECT_EQ(chosen_letter("The correct answer is B, or The correct answer is (A)"), "A");  // brackets win
  EXPECT_EQ(chosen_letter("The correct answer is (E) The correct answer is (B)"), "B");
  EXPECT_EQ(chosen_letter("The correct answer is (BC)"), "");
  EXPECT_EQ(chosen_letter("The correct answer is Bold"), "B");  // as the expression has it
  EXPECT_EQ(chosen_letter("the correct answer is (A)"), "");
  EXPECT_EQ(chosen_letter("A"), "");
  EXPECT_EQ(chosen_letter("The correct answer is ("), "");
}

TEST(LongBenchV2, NamesTheDamagedElementAndField) {
  EXPECT_NE(message_of("[" + kOne + ", {\"question\": 1}]").find("f.json, element 2"), std::string::npos);
  EXPECT_NE(message_of(kOne + "\n{\"answer\": \"E\"}").find("f.json:2: expected A, B, C or D"),
            std::string::npos);
  EXPECT_NE(message_of("[" + kOne).find("ends with ']'"), std::string::npos);
  EXPECT_NE(message_of("[" + kOne + "] x").find("nothing behind"), std::string::npos);
  EXPECT_NE(message_of("[" + kOne + ",]").find("element 2"), std::string::npos);
  EXPECT_NE(message_of("[]").find("none"), std::string::npos);
  EXPECT_NE(message_of("[[" + kOne + "]]").find("object"), std::string::npos);
}

}  // namespace
}  // namespace rw
