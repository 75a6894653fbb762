// SPDX-License-Identifier: Apache-2.0
/// RULER's variable tracking: a chain of assignments, one a sentence, scattered over the text in order; which
/// names hold the value? One chain of four hops, and one example before it, as there. Different: the haystack
/// is the document, not a line of noise; the example is short and has other names and another value.
#include <algorithm>

#include "judge/retrieval.h"

namespace rw::tasks::variable_tracking {
namespace {

constexpr int kNames = 5;

std::string assignment(const std::vector<std::string>& names, std::size_t i, const std::string& value) {
  return i == 0 ? fmt::format("VAR {} = {}.", names[0], value)
                : fmt::format("VAR {} = VAR {}.", names[i], names[i - 1]);
}

std::string asking(const std::string& value) {
  return fmt::format("Question: Find all variables that are assigned the value {} in the text above.", value);
}

std::string answering(const std::string& value) {
  return fmt::format(
      "Answer: According to the chain of variable assignments in the text above, {} variables are assigned "
      "the value {}, they are:",
      kNames, value);
}

Question question_of(int seed) {
  Dice dice("variable-tracking", seed);
  std::vector<std::string> names, others, values;
  for (int i = 0; i < kNames; ++i) draw_letters(dice, 5, 'A', names), draw_letters(dice, 3, 'A', others);
  for (int i = 0; i < 2; ++i) draw_number(dice, 5, values);
  const std::string order =
      "Memorize and track the chain of variable assignments hidden in the following text.\n\n";
  std::string example = order;
  for (std::size_t i = 0; i < others.size(); ++i)
    example += "The grass is green. The sky is blue. " + assignment(others, i, values[1]) + "\n";
  example += asking(values[1]) + " " + answering(values[1]);
  for (const std::string& name : others) example += " " + name;
  Question question{.instruction = example + "\n\n" + order,
                    .ask = asking(values[0]),
                    .prefix = answering(values[0]),
                    .references = names,
                    .n_predict = 30};
  question.instruction.resize(question.instruction.size() - 2);  // the frame adds an empty line
  std::vector<double> depths;
  depths.reserve(kNames);
  for (int i = 0; i < kNames; ++i) depths.push_back(static_cast<double>(dice.below(1000)) / 1000);
  std::sort(depths.begin(), depths.end());
  for (std::size_t i = 0; i < names.size(); ++i)
    question.needles.push_back({assignment(names, i, values[0]), depths[i]});
  return question;
}

const Register<Task> registered{
    {.name = "variable-tracking",
     .summary = "the names that hold a value",
     .unit = Unit::kQuestion,
     .truncated = true,
     .short_score = true,
     .room = [](const TaskInput& in) { return room_of(in, question_of(in.seed)); },
     .run = [](const TaskInput& in) { return std::vector{answer(in, question_of(in.seed))}; }}};

}  // namespace
}  // namespace rw::tasks::variable_tracking
