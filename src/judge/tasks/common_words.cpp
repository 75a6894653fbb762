// SPDX-License-Identifier: Apache-2.0
/// RULER's common words extraction: a numbered list of words, ten of which stand in it 30 times and the
/// others 3 times (below 4,096 tokens: 6 times and once); which are the ten? One short example stands before
/// it. Different: the other words are those of the document, then pairs of our own, so that they never run
/// out; no word contains a common one, which a substring would find.
#include <algorithm>
#include <set>

#include "judge/retrieval.h"
#include "judge/words.h"

namespace rw::tasks::common_words {
namespace {

constexpr std::size_t kCommon = 10, kExample = 20;

std::string numbered(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += fmt::format("{}{}. {}", i == 0 ? "" : " ", i + 1, words[i]);
  return text;
}

/// `common` so many times each, and the first n of `others`, in an order that depends on the seed and n
/// alone.
std::vector<std::string> shuffled(const std::vector<std::string>& common, int common_times,
                                  const std::vector<std::string>& others, std::size_t n, int other_times,
                                  int seed) {
  std::vector<std::string> words;
  for (const std::string& word : common)
    words.insert(words.end(), static_cast<std::size_t>(common_times), word);
  for (std::size_t i = 0; i < n; ++i)
    words.insert(words.end(), static_cast<std::size_t>(other_times), others[i]);
  Dice dice("common-words order", seed);
  dice.shuffle(words);
  return words;
}

/// `n` different words without one of `avoid` in them.
std::vector<std::string> other_words(const TaskInput& in, std::size_t n,
                                     const std::vector<std::string>& avoid, Dice& dice) {
  std::set<std::string> known;
  std::vector<std::string> words;
  const auto add = [&](const std::string& word) {
    if (words.size() >= n) return;
    const bool bad = std::any_of(avoid.begin(), avoid.end(), [&](const std::string& other) {
      return word.find(other) != std::string::npos;
    });
    if (!bad && known.insert(word).second) words.push_back(word);
  };
  // A document has at most so many words; the last stretch is where the other tasks' haystack is.
  const auto begin = static_cast<std::ptrdiff_t>(in.document.tokens.size()) - static_cast<std::ptrdiff_t>(n);
  const std::string text = in.tokenizer.decode(std::vector<Token>(
      in.document.tokens.begin() + std::max<std::ptrdiff_t>(begin, 0), in.document.tokens.end()));
  std::string word;
  for (const char c : text + " ") {
    if (c >= 'a' && c <= 'z') {
      word += c;
    } else {
      if (word.size() >= 4) add(word);
      word.clear();
    }
  }
  dice.shuffle(words);
  for (const std::string_view adjective : adjectives())
    for (const std::string_view noun : nouns()) add(fmt::format("{}-{}", adjective, noun));
  return words;
}

struct Draw {
  Question question;
  std::vector<std::string> others;  // the last kExample are the example's
  bool small;                       // a short list
  std::string list(Index n, int seed) const {
    return numbered(shuffled(question.references, small ? 6 : 30, others, static_cast<std::size_t>(n),
                             small ? 1 : 3, seed));
  }
};

/// With `n` other words to choose from.
Draw draw(const TaskInput& in, Index n) {
  Dice dice("common-words", in.seed);
  std::vector<std::string> all(nouns().begin(), nouns().end());
  dice.shuffle(all);
  // One list of nouns has both the example's words and the question's; neither contains another.
  std::vector<std::string> common, example_common;
  for (const std::string& word : all) {
    std::vector<std::string>& list = common.size() < kCommon ? common : example_common;
    if (word.size() >= 5 && example_common.size() < kCommon) list.push_back(word);
  }
  std::vector<std::string> avoid = common;
  avoid.insert(avoid.end(), example_common.begin(), example_common.end());
  const bool small = in.length < 4096;
  std::vector<std::string> others = other_words(in, static_cast<std::size_t>(n) + kExample, avoid, dice);
  const std::string order =
      "Below is a numbered list of words. In these words, some appear more often than others. Memorize the "
      "ones that appear most often.\n\n";
  const std::string asking = "Question: What are the 10 most common words in the above list?";
  const std::string answering = "Answer: The top 10 words that appear most often in the list are:";
  const std::vector<std::string> example_others(
      others.begin() + static_cast<std::ptrdiff_t>(others.size() - kExample), others.end());
  const std::string example =
      order + numbered(shuffled(example_common, 3, example_others, small ? 10 : kExample, 1, in.seed)) +
      "\n\n" + asking + " " + answering + " " + numbered(example_common) + "\n\n" + order;
  return {.question = {.instruction = example.substr(0, example.size() - 2),
                       .ask = asking,
                       .prefix = answering,
                       .references = common,
                       .n_predict = 120},
          .others = std::move(others),
          .small = small};
}

/// The example's words depend on how many are drawn. Where the length is far above what few of them need,
/// that is enough to know.
Room room(const TaskInput& in) {
  Room own;
  for (const Index n : {Index{0}, in.length}) {
    Draw drawn = draw(in, n);
    drawn.question.list = drawn.list(0, in.seed);
    own = room_of(in, drawn.question);
    if (own.least < in.length / 2) break;
  }
  return own;
}

std::vector<Record> run(const TaskInput& in) {
  Draw drawn = draw(in, in.length);
  const auto list = [&](Index n) { return drawn.list(n, in.seed); };
  const Index most = static_cast<Index>(drawn.others.size() - kExample);
  drawn.question.list = list(most_that_fit(in, room_for_list(in, drawn.question), most, list));
  return {answer(in, drawn.question)};
}

const Register<Task> registered{{.name = "common-words",
                                 .summary = "the ten words a list repeats most",
                                 .unit = Unit::kQuestion,
                                 .truncated = true,
                                 .short_score = true,
                                 .reads = [](const Extent&) { return Index{1}; },
                                 .room = room,
                                 .run = run}};

}  // namespace
}  // namespace rw::tasks::common_words
