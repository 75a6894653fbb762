// SPDX-License-Identifier: Apache-2.0
/// A five-digit key in a long text, at even depths (Mohtashami and Jaggi 2023, arXiv:2305.16300). Different
/// from there: the text is the user's document, not one line of noise repeated. Beside the share found, value
/// "exact" says whether the first run of digits written is the key: a substring could be a longer number.
#include "judge/retrieval.h"

namespace rw::tasks::passkey {
namespace {

std::string first_number(std::string_view text) {
  static constexpr const char* kDigits = "0123456789";
  const std::size_t begin = std::min(text.find_first_of(kDigits), text.size());
  return std::string(text.substr(begin, text.find_first_not_of(kDigits, begin) - begin));
}

Question question_of(int seed) {
  Dice dice("passkey", seed);
  std::vector<std::string> used;
  const std::string key = draw_number(dice, 5, used);
  return {.instruction =
              "There is a pass key hidden inside a lot of irrelevant text. Find it and memorize it. I "
              "will quiz you about the pass key afterwards.",
          .needles = {{fmt::format("The pass key is {}. Remember it. {} is the pass key.", key, key)}},
          .ask = "What is the pass key mentioned in the text?",
          .prefix = "The pass key mentioned in the text is the number",
          .references = {key},
          .n_predict = 16};
}

std::vector<Record> run(const TaskInput& in) {
  Question question = question_of(in.seed);
  const std::string key = question.references[0];
  std::vector<Record> records;
  for (const double depth : even_depths(in.n_depths)) {
    question.depth = question.needles[0].depth = depth;
    Record record = answer(in, question, static_cast<int>(records.size()), in.n_depths);
    record.values.emplace_back("exact", first_number(behind_thoughts(record.written)) == key ? 1 : 0);
    records.push_back(std::move(record));
  }
  return records;
}

const Register<Task> registered{
    {.name = "passkey",
     .summary = "a five-digit key hidden in the text",
     .unit = Unit::kQuestion,
     .truncated = true,
     .short_score = true,
     .passes = [](const Extent& e) { return e.n_depths; },
     .room = [](const TaskInput& in) { return room_of(in, question_of(in.seed)); },
     .run = run}};

}  // namespace
}  // namespace rw::tasks::passkey
