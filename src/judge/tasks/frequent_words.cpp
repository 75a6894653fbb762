// SPDX-License-Identifier: Apache-2.0
/// RULER's frequent words extraction: a text of made-up words of six letters. The word of rank k stands in it
/// n / (zeta(2) k^2) times; that of rank 1 is replaced by dots; which are the next three?
#include "judge/retrieval.h"

namespace rw::tasks::frequent_words {
namespace {

constexpr double kZeta2 = 1.6449340668482264;

/// n words by rank, shuffled in an order that depends on the seed and n alone.
std::string coded_text(const std::vector<std::string>& vocabulary, Index n, int seed) {
  std::vector<std::string> words;
  for (std::size_t k = 1; k <= vocabulary.size(); ++k) {
    const double rank = static_cast<double>(k);
    const auto times = static_cast<std::size_t>(static_cast<double>(n) / (kZeta2 * rank * rank));
    words.insert(words.end(), times, k == 1 ? "..." : vocabulary[k - 1]);
  }
  Dice dice("frequent-words order", seed);
  dice.shuffle(words);
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// 27 words at least: with fewer, rank 4 has none.
constexpr Index kLeast = 27;

struct Draw {
  std::vector<std::string> vocabulary;
  Question question;
};

Draw draw(int seed, Index length) {
  Dice dice("frequent-words", seed);
  std::vector<std::string> vocabulary;
  // Drawn in the order of rank, so that the three are the same at every length.
  while (static_cast<Index>(vocabulary.size()) < std::max<Index>(length / 50, 8))
    draw_letters(dice, 6, 'a', vocabulary);
  Question question{.instruction =
                        "The following text is in code. Keep count of how often each coded word appears: you "
                        "will be asked for the three most frequent ones.",
                    .ask =
                        "Question: Leaving the dots '...' out, which three coded words appear most often in "
                        "the text above? Do not explain.",
                    .prefix = "Answer: The three coded words that appear most often in the text above are:",
                    .references = {vocabulary[1], vocabulary[2], vocabulary[3]},
                    .n_predict = 50};
  return {std::move(vocabulary), std::move(question)};
}

Room room(const TaskInput& in) {
  auto [vocabulary, question] = draw(in.seed, 0);  // the first words are the same at every length
  question.list = coded_text(vocabulary, kLeast, in.seed);
  return room_of(in, question);
}

std::vector<Record> run(const TaskInput& in) {
  Draw drawn = draw(in.seed, in.length);
  const auto text = [&](Index n) { return coded_text(drawn.vocabulary, kLeast + n, in.seed); };
  const Index fit = most_that_fit(in, room_for_list(in, drawn.question), in.length, text);
  drawn.question.list = text(fit);
  return {answer(in, drawn.question)};
}

const Register<Task> registered{{.name = "frequent-words",
                                 .summary = "three most frequent made-up words",
                                 .unit = Unit::kQuestion,
                                 .truncated = true,
                                 .short_score = true,
                                 .reads = [](const Extent&) { return Index{1}; },
                                 .room = room,
                                 .run = run}};

}  // namespace
}  // namespace rw::tasks::frequent_words
