// SPDX-License-Identifier: Apache-2.0
/// Numbers that belong to words, hidden in the document (RULER's niah tasks with an essay as haystack):
///   single       one word, one number, at even depths
///   multi-key    four words with a number each, one is asked for, at even depths
///   multi-value  one word with four numbers, all are asked for
///   multi-query  four words with a number each, all are asked for
/// One task with four parts, not four tasks: a question is one draw of words and numbers, and the parts share
/// it. Where several needles are asked for there is no one depth: they lie evenly spread. The
/// distractors of multi-key lie at 1/8, 3/8 and 5/8.
#include <algorithm>

#include "judge/retrieval.h"

namespace rw::tasks::needle {
namespace {

constexpr std::size_t kMany = 4;

std::string sentence(const std::string& key, const std::string& number) {
  return fmt::format("One of the special magic numbers for {} is: {}.", key, number);
}

Question ask(const std::string& part, const std::vector<std::string>& keys,
             const std::vector<std::string>& numbers) {
  const bool many = numbers.size() > 1;
  const std::string what = many ? "all the special magic numbers" : "the special magic number";
  return {.part = part,
          .instruction =
              "Some special magic numbers are hidden within the following text. Memorize them: I "
              "will quiz you about the numbers afterwards.",
          .ask = many ? fmt::format("What are {} for {} mentioned in the provided text?", what, listing(keys))
                      : fmt::format("What is {} for {} mentioned in the provided text?", what, keys[0]),
          .prefix = many ? fmt::format("The special magic numbers for {} mentioned in the provided text are",
                                       listing(keys))
                         : fmt::format("The special magic number for {} mentioned in the provided text is",
                                       keys[0]),
          .references = numbers,
          .n_predict = many ? 64 : 16};
}

std::vector<Question> questions_of(const TaskInput& in) {
  Dice dice("needle", in.seed);
  std::vector<std::string> keys, numbers;
  while (keys.size() < kMany) draw_key(dice, keys), draw_number(dice, 7, numbers);
  std::vector<Question> questions;
  for (const double depth : even_depths(in.n_depths)) {
    questions.push_back(ask("single", {keys[0]}, {numbers[0]}));
    questions.push_back(ask("multi-key", {keys[0]}, {numbers[0]}));
    for (std::size_t i = 1; i < kMany; ++i)
      questions.back().needles.push_back({sentence(keys[i], numbers[i]), static_cast<double>(2 * i - 1) / 8});
    for (std::size_t q = questions.size() - 2; q < questions.size(); ++q) {
      questions[q].needles.push_back({sentence(keys[0], numbers[0]), depth});
      questions[q].depth = depth;
    }
  }
  questions.push_back(ask("multi-value", {keys[0]}, numbers));
  questions.push_back(ask("multi-query", keys, numbers));
  for (std::size_t i = 0; i < kMany; ++i) {
    const double depth = static_cast<double>(2 * i + 1) / (2 * kMany);
    questions[questions.size() - 2].needles.push_back({sentence(keys[0], numbers[i]), depth});
    questions.back().needles.push_back({sentence(keys[i], numbers[i]), depth});
  }
  return questions;
}

Room room(const TaskInput& in) {
  Room most;
  for (const Question& question : questions_of(in)) {
    const Room own = room_of(in, question);
    most = {std::max(most.least, own.least), std::max(most.n_predict, own.n_predict)};
  }
  return most;
}

std::vector<Record> run(const TaskInput& in) {
  const std::vector<Question> questions = questions_of(in);
  std::vector<Record> records;
  records.reserve(questions.size());
  for (const Question& question : questions)
    records.push_back(
        answer(in, question, static_cast<int>(records.size()), static_cast<int>(questions.size())));
  return records;
}

const Register<Task> registered{{.name = "needle",
                                 .summary = "hidden numbers: one, one of four, four",
                                 .unit = Unit::kQuestion,
                                 .truncated = true,
                                 .short_score = true,
                                 .passes = [](const Extent& e) { return 2 * e.n_depths + 2; },
                                 .room = room,
                                 .run = run}};

}  // namespace
}  // namespace rw::tasks::needle
