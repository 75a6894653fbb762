// SPDX-License-Identifier: Apache-2.0
/// Retrieval tasks on a tiny model (trained on 64 tokens) with a tokenizer of one token a character.
#include "judge/retrieval.h"

#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "judge/words.h"
#include "model/writing.h"

namespace rw {
namespace {

/// Ids are ASCII characters; two ids stand for a turn's ends.
class Characters : public Tokenizer {
 public:
  explicit Characters(bool chat) {
    if (chat)
      chat_template =
          "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor "
          "%}"
          "{{ '<|im_start|>assistant\n' }}";
    end_tokens = {2};
  }
  std::vector<Token> encode(std::string_view text, bool) const override {
    std::vector<Token> ids;
    for (const char c : text) ids.push_back(static_cast<Token>(c & 127));
    return ids;
  }
  std::string decode(Token id, bool) const override { return {static_cast<char>(id)}; }
  using Tokenizer::decode;
  Index n_vocab() const override { return 128; }
  std::string kind() const override { return "characters"; }
};

class Retrieval : public testing::Test {
 protected:
  Retrieval()
      : shared_(Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama",
                            make_cpu_backend(Precision::kF32))),
        model_(*shared_),
        document_{"d", plain_.encode(text(), false), {1}} {}
  static std::string text() {
    std::string all;
    for (int i = 0; all.size() < 6000; ++i) all += fmt::format("Sentence {} is here, in place. ", i);
    return all;
  }
  TaskInput input(Index length, const MethodSpec& spec, int seed = 1) const {
    return {.model = model_,
            .tokenizer = plain_,
            .spec = spec,
            .document = document_,
            .length = length,
            .seed = seed,
            .n_depths = 3};
  }
  std::string prompt_text(const Prompt& prompt) const { return plain_.decode(prompt.tokens, false); }
  static std::size_t count(const std::string& all, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = all.find(part, at)) != std::string::npos; ++at) ++n;
    return n;
  }
  std::vector<Record> run(const std::string& task, Index length, const std::string& method = "none",
                          int seed = 1) const {
    const MethodSpec spec = MethodSpec::parse(method);
    return Registry<Task>::get(task, "task").run(input(length, spec, seed));
  }

  std::shared_ptr<const Model> shared_;
  const Model& model_;
  Characters plain_{false}, chat_{true};
  Document document_;
  MethodSpec none_ = MethodSpec::parse("none");
  Question question_{.instruction = "Find it.",
                     .needles = {{"The key is 4711."}},
                     .ask = "What is the key?",
                     .prefix = "It is",
                     .references = {"4711"},
                     .n_predict = 20};
};

TEST(Dice, IsSplitmix64) {
  // The first numbers of the published generator from state 0.
  Dice dice(std::uint64_t{0});
  EXPECT_EQ(dice.next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(dice.next(), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(dice.next(), 0x06c45d188009454fu);
}

TEST(Dice, DependOnTaskAndSeed) {
  EXPECT_EQ(Dice("passkey", 1).next(), Dice("passkey", 1).next());
  EXPECT_NE(Dice("passkey", 1).next(), Dice("passkey", 2).next());
  EXPECT_NE(Dice("passkey", 1).next(), Dice("needle", 1).next());
}

TEST(Dice, Draw) {
  Dice dice("test", 1);
  std::vector<std::string> used;
  for (int i = 0; i < 9; ++i) {
    const std::string digit = draw_number(dice, 1, used);
    EXPECT_TRUE(digit >= "1" && digit <= "9") << digit;
  }
  EXPECT_EQ(std::set<std::string>(used.begin(), used.end()).size(), 9u);  // all of them, each once
  EXPECT_THROW(draw_number(dice, 1, used), LogicError);                   // ends even where nothing is left
  used.clear();
  EXPECT_EQ(draw_number(dice, 7, used).size(), 7u);
  EXPECT_EQ(draw_letters(dice, 5, 'A', used).find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            std::string::npos);
}

TEST(Words, AreUniqueAndPlain) {
  std::set<std::string_view> all;
  for (const auto list : {adjectives(), nouns()})
    for (const std::string_view word : list) {
      EXPECT_TRUE(all.insert(word).second) << word;
      EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string_view::npos) << word;
    }
  EXPECT_GT(adjectives().size(), 200u);
  EXPECT_GT(nouns().size(), 300u);
}

TEST(Score, SharesOfSubstringsWithoutCase) {
  EXPECT_EQ(share_found("it is 4711.", {"4711"}), 1);
  EXPECT_EQ(share_found("ABCDE, fghij", {"abcde", "FGHIJ", "KLMNO", "PQRST"}), 0.5);
  EXPECT_EQ(share_found("", {"4711"}), 0);
  EXPECT_EQ(share_found("4 7 1 1", {"4711"}), 0);
}

TEST_F(Retrieval, ThePromptHasExactlyTheLength) {
  for (const Index length : {150, 151, 500, 3000}) {
    const Prompt prompt = make_prompt(input(length, none_), question_);
    EXPECT_EQ(static_cast<Index>(prompt.tokens.size()) + question_.n_predict, length);
    EXPECT_EQ(prompt.tokens[0], 1);  // BOS once, in front
    EXPECT_EQ(std::count(prompt.tokens.begin(), prompt.tokens.end(), 1), 1);
    EXPECT_FALSE(prompt.chat);
    const std::string all = prompt_text(prompt);
    EXPECT_EQ(all.substr(all.size() - 24), "\n\nWhat is the key?\nIt is");
  }
}

TEST_F(Retrieval, TheNeedleStandsOnceAtTheDepthAskedForBehindASentence) {
  for (const double depth : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    question_.needles[0].depth = depth;
    const Prompt prompt = make_prompt(input(2000, none_), question_);
    const std::string all = prompt_text(prompt);
    EXPECT_EQ(count(all, question_.needles[0].text), 1u);
    ASSERT_EQ(prompt.placed.size(), 1u);
    const auto at = static_cast<std::size_t>(prompt.placed[0]);
    EXPECT_EQ(all.substr(at, 18), "\nThe key is 4711.\n");
    const std::size_t begin = 1 + std::string("Find it.\n\n").size();
    const std::size_t end = all.size() - 24 - 18;
    const double found = static_cast<double>(at - begin) / static_cast<double>(end - begin);
    EXPECT_NEAR(found, depth, 0.02);  // a sentence is 30 of 1,900 tokens
    EXPECT_TRUE(depth == 0 || depth == 1 || all[at - 1] == '.') << depth;
    // What is around it is the document's end, uncut.
    const std::string hay = all.substr(begin, at - begin) + all.substr(at + 18, end - at);
    EXPECT_EQ(hay, text().substr(text().size() - hay.size()));
  }
}

TEST_F(Retrieval, SeveralNeedlesKeepTheirOrderAndTheLength) {
  question_.needles = {{"Second.", 0.9}, {"First.", 0.1}, {"Third.", 0.9}};
  const Prompt prompt = make_prompt(input(1000, none_), question_);
  EXPECT_EQ(static_cast<Index>(prompt.tokens.size()) + question_.n_predict, 1000);
  EXPECT_LT(prompt.placed[1], prompt.placed[0]);
  EXPECT_LT(prompt.placed[0], prompt.placed[2]);
}

TEST_F(Retrieval, TheChatTemplateIsAroundItAndSaid) {
  TaskInput in{.model = model_,
               .tokenizer = chat_,
               .spec = none_,
               .document = document_,
               .length = 400,
               .seed = 1,
               .n_depths = 1};
  const Prompt prompt = make_prompt(in, question_);
  EXPECT_TRUE(prompt.chat);
  EXPECT_EQ(static_cast<Index>(prompt.tokens.size()) + question_.n_predict, 400);
  const std::string all = prompt_text(prompt);
  EXPECT_EQ(all.rfind("<|im_start|>user\nFind it.", 0), 0u) << all.substr(0, 40);
  EXPECT_NE(all.find("key?<|im_end|>\n<|im_start|>assistant\nIt is"), std::string::npos);
  EXPECT_EQ(answer(in, question_).values[0], (std::pair<std::string, double>{"chat", 1}));
}

/// Truncation of a question: its prompt's end alone is read, so that a needle in front is gone.
TEST_F(Retrieval, ToldTheEndOnlyItReadsBosAndThePromptsEnd) {
  TaskInput in = input(1000, none_);
  const std::vector<Token> whole = make_prompt(in, question_).tokens;
  in.told = 120;
  const Record record = answer(in, question_);
  EXPECT_EQ(record.values[1], (std::pair<std::string, double>{"prompt", 120 - 20}));
  std::vector<Token> end(whole.end() - 99, whole.end());
  end.insert(end.begin(), 1);
  Session session(model_, none_, {.n = 120, .n_prompt = 100});
  EXPECT_EQ(record.written,
            plain_.decode(write_on(session, end, {.n_predict = 20, .stop = plain_.end_tokens})));
  in.told = 1000;  // all of it fits
  EXPECT_EQ(answer(in, question_).written, answer(input(1000, none_), question_).written);
  in.told = 21;
  EXPECT_THROW(answer(in, question_), Error);
}

TEST_F(Retrieval, RefusesALengthThatCannotHoldTheQuestion) {
  const Prompt least = [&] {
    for (Index length = 1;; ++length) try {
        return make_prompt(input(length, none_), question_);
      } catch (const Error& e) {
        // It names the least length at once.
        const Index needed = 1 + 10 + 18 + 24 + 20;
        EXPECT_NE(std::string(e.what()).find(fmt::format("{} tokens or more", needed)), std::string::npos)
            << e.what();
      }
  }();
  EXPECT_EQ(least.tokens.size(), 53u);
  for (const std::string task : {"passkey", "needle", "variable-tracking", "common-words", "frequent-words"})
    EXPECT_THROW(run(task, 100), Error) << task;
}

TEST_F(Retrieval, TheSearchForASizeEnds) {
  const TaskInput in = input(100, none_);
  const auto xs = [](Index n) { return std::string(static_cast<std::size_t>(3 * n), 'x'); };
  EXPECT_EQ(most_that_fit(in, 50, 1000, xs), 16);
  EXPECT_EQ(most_that_fit(in, 50, 4, xs), 4);
  EXPECT_EQ(most_that_fit(in, 0, 1000, xs), 0);
  EXPECT_THROW(most_that_fit(in, 2, 9, [](Index) { return "xxx"; }), Error);
  // Also where a longer text has fewer tokens, as merges can make it.
  EXPECT_LE(xs(most_that_fit(in, 50, 9, [](Index n) { return std::string(n % 2 ? 90 : 3, 'x'); })).size(),
            27u);
}

TEST_F(Retrieval, QuestionsAreTheSameForMethodsAndLengthsAndDifferBySeed) {
  for (const std::string task :
       {"passkey", "needle", "variable-tracking", "common-words", "frequent-words"}) {
    const std::vector<Record> one = run(task, 2000), other = run(task, 2500, "rerope:window=16"),
                              seed = run(task, 2000, "none", 2);
    ASSERT_EQ(one.size(), other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(one[i].expected, other[i].expected) << task;
      EXPECT_EQ(one[i].depth, other[i].depth);
      EXPECT_NE(one[i].expected, seed[i].expected);
      ASSERT_TRUE(one[i].score.has_value());
      EXPECT_LE(one[i].achieved, 2000);
    }
  }
}

TEST_F(Retrieval, TasksGiveARecordForEachDepthAndPart) {
  const std::vector<Record> passkey = run("passkey", 600);
  ASSERT_EQ(passkey.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(passkey[i].depth, 0.5 * static_cast<double>(i));
    EXPECT_EQ(passkey[i].values[1].second, 600 - 16);  // prompt and answer budget: the length
  }
  std::multiset<std::string> parts;
  for (const Record& record : run("needle", 1200)) parts.insert(record.part);
  EXPECT_EQ(parts, (std::multiset<std::string>{"single", "single", "single", "multi-key", "multi-key",
                                               "multi-key", "multi-value", "multi-query"}));
}

}  // namespace
}  // namespace rw
