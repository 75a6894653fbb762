// SPDX-License-Identifier: Apache-2.0
/// What the tasks that ask for something hidden in a long text share: drawn questions, prompts of exactly the
/// length asked for, and the score.
/// Source of the recipes: RULER (Hsieh et al. 2024, arXiv:2404.06654). They are equivalent, not equal to the
/// byte: the random numbers, word lists and wording are ours, the haystack is the user's document, and the
/// size of a haystack is computed, not searched for, so that it always ends. Published samples are read by
/// import_ruler.h instead.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "judge/task.h"
#include "metrics/share_found.h"

namespace rw {

/// splitmix64 (Steele, Lea, Flood 2014): the same numbers on every machine, which <random> does not promise.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  /// The dice of a question: they depend on the task and the seed alone, so that every method, length and
  /// depth gets the same question.
  Dice(std::string_view task, int seed);
  std::uint64_t next();
  /// Uniform in [0, n). REQUIRES: n > 0.
  Index below(Index n);
  template <class T>
  void shuffle(std::vector<T>& list) {
    for (auto i = static_cast<Index>(list.size()); i > 1; --i)
      std::swap(list[static_cast<std::size_t>(i - 1)], list[static_cast<std::size_t>(below(i))]);
  }

 private:
  std::uint64_t state_;
};

/// "silent-harbor", different from those in `used`, which it joins.
std::string draw_key(Dice& dice, std::vector<std::string>& used);
/// A number of so many digits (the first is not 0), different from those in `used`, which it joins.
std::string draw_number(Dice& dice, int digits, std::vector<std::string>& used);
/// So many random letters from `first` ('a' or 'A') on, different from those in `used`, which it joins.
std::string draw_letters(Dice& dice, int n, char first, std::vector<std::string>& used);
/// "a", "a and b", "a, b and c".
std::string listing(const std::vector<std::string>& items);

/// A sentence hidden in the document, on a line of its own: text joined at token level need not start with a
/// space. `depth`: 0 before all of the document, 1 behind it.
struct Needle {
  std::string text;
  double depth = 0;
};

struct Question {
  std::string part = {};    ///< of the record
  std::string instruction;  ///< before the text
  /// The text itself: the end of the document with these needles; or `list`, which replaces it.
  std::vector<Needle> needles = {};
  std::string list = {};
  std::string ask;     ///< after the text
  std::string prefix;  ///< start of the answer, given to the model behind its turn, as RULER does
  std::vector<std::string> references;
  Index n_predict = 0;
  std::optional<double> depth = {};
};

struct Prompt {
  std::vector<Token> tokens;
  std::vector<Index> placed = {};  ///< of each needle: its first token
  bool chat = false;               ///< whether the model's chat template is around it
};

/// With needles: exactly in.length - n_predict tokens, of which the document fills what is left; its ids are
/// cut out of its end. With a list: as many as it has. A needle goes behind the sentence end nearest to its
/// depth, or to its depth where none is near.
/// Errors: Error with the numbers where in.length cannot hold the question, or a list is too long.
Prompt make_prompt(const TaskInput& in, const Question& question);
/// What the question takes with its needles or list and no text: for Task::room.
Room room_of(const TaskInput& in, const Question& question);
/// Tokens that `list` may have. Errors: Error where the length cannot hold the question.
Index room_for_list(const TaskInput& in, const Question& question);
/// The greatest n in [0, most] for which text(n) has at most `room` tokens: by halving, so that it ends
/// whatever the tokenizer does. Errors: Error where text(0) has more.
Index most_that_fit(const TaskInput& in, Index room, Index most,
                    const std::function<std::string(Index)>& text);

/// Reads the prompt and writes greedily in a session of in.length; the record has what was written, expected,
/// score, depth, part, and values "chat" (1 where a chat template is used) and "prompt" (its tokens).
/// `done` counts on behalf of the share-th of `shares` questions.
Record answer(const TaskInput& in, const Question& question, int share = 0, int shares = 1);

/// What a model is told that reads only the last n tokens of a prompt: BOS and those.
void keep_end(std::vector<Token>& tokens, const std::vector<Token>& bos, Index n);

/// n depths from 0 to 1; one alone is the middle.
std::vector<double> even_depths(int n);

}  // namespace rw
