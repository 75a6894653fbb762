// SPDX-License-Identifier: Apache-2.0
/// Thoughts apart from the answer, however tokens cut the marks.
#include "server/reasoning.h"

#include <gtest/gtest.h>

namespace rw::server {
namespace {

Reasoning::Part split(const std::string& prompt, const std::string& text, std::size_t size,
                      bool marked = true) {
  Reasoning reasoning(prompt, marked);
  Reasoning::Part all;
  const auto add = [&](const Reasoning::Part& part) {
    all.thought += part.thought, all.answer += part.answer;
  };
  for (std::size_t at = 0; at < text.size(); at += size) add(reasoning.add(text.substr(at, size)));
  add(reasoning.end());
  return all;
}

TEST(ReasoningTest, any_pieces_give_the_same) {
  struct Case {
    std::string prompt, text, thought, answer;
  };
  for (const Case& c :
       {Case{"ask", "<think>\nhm </thin\n</think>\n\nYes.", "\nhm </thin\n", "Yes."},
        Case{"ask <think>\n", "hm</think> Yes </think>", "hm", "Yes </think>"},
        Case{"ask", "Yes <think> no", "", "Yes <think> no"},
        Case{"ask", "\n<think>never ended </thi", "never ended </thi", ""}, Case{"ask", "<thin", "", "<thin"},
        Case{"ask", "", "", ""}, Case{"ask", " \n", "", " \n"}, Case{"ask <think>", "</think>", "", ""}})
    for (std::size_t size = 1; size < 12; ++size) {
      const Reasoning::Part part = split(c.prompt, c.text, size);
      EXPECT_EQ(part.thought, c.thought) << c.text << " by " << size;
      EXPECT_EQ(part.answer, c.answer) << c.text << " by " << size;
    }
}

TEST(ReasoningTest, a_template_without_thoughts_has_none) {
  EXPECT_EQ(split("ask", "<think>a</think>b", 3, false).answer, "<think>a</think>b");
  EXPECT_TRUE(marks_thoughts("{{ x.split('</think>') }}"));
  EXPECT_FALSE(marks_thoughts("{{ x }}"));
}

}  // namespace
}  // namespace rw::server
