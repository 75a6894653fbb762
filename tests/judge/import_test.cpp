// SPDX-License-Identifier: Apache-2.0
/// Questions from files: good and damaged lines, the budget of a prompt, and LongBench's metrics.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "judge/import/longbench.h"
#include "judge/import/ruler.h"
#include "metrics/longbench_metrics.h"

#define LLVMFuzzerTestOneInput fuzz_questions_input
#include "../../fuzz/fuzz_questions.cpp"
#undef LLVMFuzzerTestOneInput

namespace rw {
namespace {

const std::string kRuler =
    R"({"index": 3, "input": "Text. What?", "outputs": ["4711", "0815"], "length": 900,)"
    R"( "length_w_model_temp": 950, "answer_prefix": " It is", "token_position_answer": 5})";

std::string longbench(const std::string& dataset, const std::string& answer,
                      const std::string& classes = "null") {
  return R"({"input": "Who {input}?", "context": "Text {context}.", "answers": [")" + answer +
         R"("], "length": 12, "dataset": ")" + dataset + R"(", "language": "en", "all_classes": )" + classes +
         R"(, "_id": "x1"})";
}

/// Whether `read` throws an Error that names all of `parts`.
template <class Read>
testing::AssertionResult refuses(const Read& read, const std::vector<std::string>& parts) {
  try {
    read();
  } catch (const Error& e) {
    for (const std::string& part : parts)
      if (std::string(e.what()).find(part) == std::string::npos)
        return testing::AssertionFailure() << e.what() << " does not say " << part;
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "it was read";
}

TEST(Ruler, ReadsEveryField) {
  const auto questions =
      read_ruler("\xef\xbb\xbf" + kRuler + "\r\n\n" + R"({"input": "q", "outputs": ["a"]})", "f", {});
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[0].id, "3");
  EXPECT_EQ(questions[0].prompt, "Text. What?");
  EXPECT_EQ(questions[0].prefix, " It is");
  EXPECT_EQ(questions[0].references, (std::vector<std::string>{"4711", "0815"}));
  EXPECT_EQ(questions[0].file_length, 900);
  EXPECT_EQ(questions[0].n_predict, 128);
  EXPECT_EQ(questions[1].id, "1");
  EXPECT_EQ(questions[1].prefix, "");
  EXPECT_EQ(questions[0].score("0815 and more"), 0.5);
  EXPECT_EQ(read_ruler(kRuler, "f", {.any_reference = true})[0].score("0815 and more"), 1);
  EXPECT_EQ(read_ruler(kRuler, "f", {.any_reference = true})[0].score("neither"), 0);
}

TEST(Ruler, NamesTheDamagedLineAndField) {
  const auto after_a_good_line = [](const std::string& line) {
    return [line] { read_ruler(kRuler + "\n\n" + line + "\n", "f.jsonl", {}); };
  };
  EXPECT_TRUE(refuses(after_a_good_line("{\"input\": \"q\", "), {"f.jsonl:3", "JSON"}));
  EXPECT_TRUE(refuses(after_a_good_line("[1]"), {"f.jsonl:3", "object"}));
  EXPECT_TRUE(refuses(after_a_good_line(R"({"input": "q"})"), {"f.jsonl:3", "'outputs'", "no such field"}));
  EXPECT_TRUE(
      refuses(after_a_good_line(R"({"input": "q", "outputs": []})"), {"f.jsonl:3", "1 texts or more"}));
  EXPECT_TRUE(refuses(after_a_good_line(R"({"input": "q", "outputs": [1]})"), {"f.jsonl:3", "number"}));
  EXPECT_TRUE(refuses(after_a_good_line(R"({"input": "q", "outputs": "a"})"), {"f.jsonl:3", "'outputs'"}));
  EXPECT_TRUE(refuses(after_a_good_line(R"({"input": 1, "outputs": ["a"]})"), {"f.jsonl:3", "'input'"}));
  for (const std::string number : {"-1", "1.5", "9e99", "99999999999999999999", "\"9\"", "true"})
    EXPECT_TRUE(refuses(after_a_good_line(R"({"input": "q", "outputs": ["a"], "length": )" + number + "}"),
                        {"f.jsonl:3", "'length'"}))
        << number;
  EXPECT_TRUE(refuses(after_a_good_line(R"({"input": "q", "outputs": ["a"], "answer_prefix": 1})"),
                      {"f.jsonl:3", "'answer_prefix'"}));
  EXPECT_TRUE(refuses(after_a_good_line(std::string(100, '[')), {"f.jsonl:3", "nested"}));
  EXPECT_TRUE(refuses([] { read_ruler("\n \n", "f.jsonl", {}); }, {"f.jsonl", "none"}));
}

/// The fuzzing corpus, whole, cut and with every byte changed.
TEST(Import, AnyBytesAreReadOrAnError) {
  int files = 0;
  const std::string folder = std::string(ROPEWALK_SOURCE_DIR) + "/fuzz/corpus/questions";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    std::stringstream bytes;
    bytes << stream.rdbuf();
    const auto run = [](const std::string& text) {
      EXPECT_EQ(fuzz_questions_input(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0);
    };
    for (std::size_t n = 0; n <= bytes.str().size(); ++n) run(bytes.str().substr(0, n));
    for (std::size_t at = 0; at < bytes.str().size(); ++at)
      for (const char flip : {'\x01', '\x7f', '\xff'}) {
        std::string damaged = bytes.str();
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        run(damaged);
      }
    ++files;
  }
  EXPECT_GT(files, 5);
}

TEST(LongBench, PromptsBudgetsAndMetricsByDataset) {
  const auto one = [](const std::string& line, const LongBenchPrompts& prompts = {}) {
    return read_longbench(line, "f", prompts).at(0);
  };
  FileQuestion q = one(longbench("hotpotqa_e", "The Cat"));
  EXPECT_EQ(q.id, "x1");
  EXPECT_EQ(q.group, "hotpotqa_e");
  EXPECT_EQ(q.n_predict, 32);
  EXPECT_TRUE(q.chat);
  // What is put in is not looked at again.
  EXPECT_NE(q.prompt.find("Text {context}.\n\nQuestion: Who {input}?"), std::string::npos) << q.prompt;
  EXPECT_EQ(q.score("cat!"), 1);
  q = one(longbench("lcc", "x"), {{"lcc", "{{{context}}}|{input}"}});
  EXPECT_EQ(q.prompt, "{Text {context}.}|Who {input}?");
  EXPECT_FALSE(q.chat);
  q = one(longbench("trec", "Food type", R"(["Food", "Food type", "City"])"));
  EXPECT_EQ(q.score("\n\nFood type\nCity"), 1);  // only the first line; "Food" is a part of the gold
  EXPECT_EQ(q.score("Food type or City"), 0.5);
  EXPECT_EQ(q.score("City\nFood type"), 0);
  EXPECT_EQ(longbench_datasets().size(), 21u);
  for (const std::string& name : longbench_datasets())
    EXPECT_GE(one(longbench(name, "Paragraph 3", R"(["a"])")).score("Paragraph 3"), 0) << name;
}

TEST(LongBench, RefusesWhatItDoesNotKnow) {
  const auto read = [](const std::string& line, const LongBenchPrompts& prompts = {}) {
    return [line, prompts] { read_longbench(line, "f.jsonl", prompts); };
  };
  EXPECT_TRUE(refuses(read(longbench("hotpotqb", "a")), {"f.jsonl:1", "did you mean hotpotqa"}));
  EXPECT_TRUE(refuses(read(longbench("trec", "a")), {"f.jsonl:1", "'all_classes'"}));
  EXPECT_TRUE(refuses(read(longbench("passage_retrieval_en", "3")), {"f.jsonl:1", "Paragraph"}));
  EXPECT_TRUE(refuses(read(longbench("lcc", "a"), {{"trec", "{context}"}}), {"f.jsonl:1", "none for 'lcc'"}));
  EXPECT_TRUE(refuses(read(longbench("lcc", "a"), {{"lcc", "{0} {context}"}}), {"f.jsonl:1", "{0}"}));
  EXPECT_TRUE(refuses([] { read_longbench_prompts("{\"lcc\": 1}", "p.json"); }, {"p.json", "'lcc'"}));
  EXPECT_EQ(read_longbench_prompts("{\"lcc\": \"{context}\"}", "p.json").at("lcc"), "{context}");
}

// Expected numbers: LongBench's metrics.py with rouge 1.0.1 and, for code_sim, rapidfuzz 3.
TEST(LongBenchMetrics, AreTheOriginals) {
  using namespace longbench;
  struct Case {
    std::string written, reference;
    double f1, rouge;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"The Cat sat, on a mat.", "A cat sat on the mat today", 0.888888888888889, 0.3076923027218935},
           {"nothing here", "Something else", 0, 0},
           {"It was in 1704. Newton wrote it.  He was glad. It was cold.",
            "Newton wrote it in 1704. It was cold and he was glad.", 0.8799999999999999, 0.8571428521541952},
           {" . a b c. c b a", "a c b. . b", 0.8571428571428571, 0.999999995},
           {"", "x y", 0, 0},
           {"...", "x", 0, 0},
           {"“the” café’s an apple", "café’s apple", 0.6666666666666666, 0.6666666622222223},
           {"the the a b\tb", "b b c", 0.8, 0.39999999520000007},
       }) {
    EXPECT_NEAR(qa_f1(c.written, c.reference), c.f1, 1e-12) << c.written;
    EXPECT_NEAR(rouge_l(c.written, c.reference), c.rouge, 1e-12) << c.written;
  }
  EXPECT_NEAR(code_sim("\n# c\nreturn x + 1;", "return x+1;"), 0.9166666666666667, 1e-12);
  EXPECT_EQ(code_sim("abc", "abc"), 1);
  EXPECT_EQ(code_sim("// no", "x"), 0);
  EXPECT_NEAR(code_sim("kitten", "sitting"), 8.0 / 13, 1e-12);
}

TEST(LongBenchMetrics, NumbersAndClasses) {
  using namespace longbench;
  EXPECT_EQ(count("There are 3, not 33 or 3.", "3"), 2.0 / 3);
  EXPECT_EQ(count("none", "3"), 0);
  EXPECT_EQ(retrieval("Paragraph 12", "Paragraph 12"), 1);
  EXPECT_EQ(retrieval("12 1 2", "段落12"), 1.0 / 3);
  EXPECT_EQ(paragraph_number("Paragraph x, Paragraph 7"), "7");
  EXPECT_EQ(paragraph_number("7"), "");
  // Of two parts of the gold in a row, the original skips the second while it removes.
  EXPECT_EQ(classification("abc", "abc", {"a", "b", "abc"}), 0.5);
  EXPECT_EQ(classification("abc", "abc", {"a", "abc", "b"}), 1);
}

TEST(LongBenchMetrics, ChineseByCharacters) {
  using namespace longbench;
  EXPECT_EQ(qa_f1_zh("北京。", "北京"), 1);
  EXPECT_EQ(qa_f1_zh("北海", "北京"), 0.5);
  EXPECT_EQ(qa_f1_zh("GPT 4！", "gpt4"), 0);  // runs of letters and digits are units
  EXPECT_NEAR(rouge_l_zh("北京是首都", "首都是北京"), 0.4, 1e-7);
  EXPECT_NEAR(rouge_l_zh("北京", "北京"), 1, 1e-7);
}

}  // namespace
}  // namespace rw
