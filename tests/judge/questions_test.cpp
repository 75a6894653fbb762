// SPDX-License-Identifier: Apache-2.0
/// Questions of a file on the runner that all tasks have: their plan, baselines, keys and store, and what a
/// plan says of questions that a length cannot hold. On a tiny model, trained on 64 tokens.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "core/error.h"
#include "judge/import/question_documents.h"
#include "judge/import/ruler.h"
#include "judge/runner.h"
#include "letters.h"
#include "metrics/share_found.h"

namespace rw {
namespace {

std::string line(const std::string& id, std::size_t n_letters, const std::string& answer) {
  return R"({"index": )" + id + R"(, "input": ")" + std::string(n_letters, 'x') + R"(", "outputs": [")" +
         answer + "\"]}\n";
}

class Questions : public testing::Test {
 protected:
  Questions()
      : shared_(Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama",
                            make_cpu_backend(Precision::kF32))),
        model_(*shared_) {
    tokenizer_.bos = 1, tokenizer_.add_bos = true;
  }
  std::vector<Document> read(const std::string& text, const RulerOptions& ruler = {.n_predict = 8},
                             const QuestionOptions& options = {}) {
    return question_documents(tokenizer_, read_ruler(text, "some/q.jsonl", ruler), "some/q.jsonl", options);
  }
  RunnerOptions options(const std::vector<std::string>& methods = {"pi"}, Store* store = nullptr) {
    return {.plan = {.tasks = {"questions"}, .methods = methods, .lengths = {}}, .store = store};
  }
  Plan plan(const std::vector<Document>& documents, const PlanOptions& plan_options) {
    return plan_items(model_, tokenizer_, documents, plan_options, tiny_info());
  }
  std::set<std::string> keys(const std::vector<Document>& documents) {
    std::set<std::string> all;
    for (const Item& item : plan(documents, options().plan).items)
      for (const Served& served : item.serves) all.insert(served.key);
    return all;
  }
  std::shared_ptr<const Model> shared_;
  const Model& model_;
  Letters tokenizer_;
};

TEST_F(Questions, AreDocumentsWithLengthsOfTheirOwn) {
  const auto documents = read(line("7", 20, "a") + line("7", 300, "b") + line("8", 20, "c"));
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[0].name, "q.jsonl:7");
  EXPECT_EQ(documents[1].name, "q.jsonl:7 (2)");  // an id that stands twice is another question
  EXPECT_EQ(documents[0].tokens.size(), 21u);     // BOS
  EXPECT_EQ(documents[0].asked->length, 29);
  EXPECT_EQ(documents[0].asked->length_class, 256);
  EXPECT_EQ(documents[1].asked->length, 309);
  EXPECT_EQ(documents[1].asked->length_class, 512);
  const auto cut = read(line("7", 300, "b"), {.n_predict = 8}, {.length = 100, .truncate = true});
  EXPECT_EQ(cut[0].tokens.size(), 92u);
  EXPECT_EQ(cut[0].asked->n_cut, 209);
  EXPECT_EQ(cut[0].asked->length_class, 100);
  EXPECT_THROW(read(line("7", 300, "b"), {.n_predict = 8}, {.length = 100}), Error);
}

TEST_F(Questions, HaveEveryBaselineForEveryQuestion) {
  const auto documents = read(line("1", 20, "a") + line("2", 200, "b"));
  const RunnerResult result = run_all(model_, tokenizer_, documents, options(), tiny_info());
  std::map<std::pair<std::string, std::string>, Record> found;
  for (const Record& r : result.records) found[{r.document, r.method}] = r;
  ASSERT_EQ(result.records.size(), 6u);
  ASSERT_EQ(found.size(), 6u);
  for (const auto& [key, r] : found) {
    EXPECT_EQ(r.task, "questions");
    EXPECT_EQ(r.part, "RULER");
    EXPECT_EQ(r.length, 256);
    ASSERT_TRUE(r.score);
    // What is scored is what is kept: any reader of the records can score it again.
    EXPECT_EQ(*r.score, share_found(r.written, {r.expected}));
    EXPECT_FALSE(r.resolved.empty());
  }
  // What fits is the same with and without truncation, and is run once; what does not is told its end.
  EXPECT_EQ((found[{"q.jsonl:1", kTruncated}].written), (found[{"q.jsonl:1", kPlain}].written));
  EXPECT_TRUE((found[{"q.jsonl:1", kPlain}].shared));
  EXPECT_LE((found[{"q.jsonl:2", kTruncated}].achieved), 64);
  EXPECT_GT((found[{"q.jsonl:2", kPlain}].achieved), 200);
  EXPECT_FALSE((found[{"q.jsonl:2", kPlain}].shared));
}

TEST_F(Questions, AreKeptAndContinued) {
  const std::string path = testing::TempDir() + "ropewalk_questions_" + std::to_string(::getpid()) + ".jsonl";
  std::remove(path.c_str());
  const auto documents = read(line("1", 20, "a") + line("2", 200, "b"));
  const std::vector<Document> first(documents.begin(), documents.begin() + 1);
  const auto dumped = [](const RunnerResult& result) {
    std::multiset<std::string> all;
    for (const Record& r : result.records) all.insert(dump_json(to_json(r, tiny_info())));
    return all;
  };
  const auto whole = dumped(run_all(model_, tokenizer_, documents, options(), tiny_info()));
  {
    Store store(path);
    run_all(model_, tokenizer_, first, options({"pi"}, &store), tiny_info());
  }
  {
    Store store(path);
    const RunnerResult result = run_all(model_, tokenizer_, documents, options({"pi"}, &store), tiny_info());
    EXPECT_EQ(result.n_items, 4u);  // of the short one all is the same; of the long one nothing
    EXPECT_EQ(result.n_known, 1u);
    EXPECT_EQ(dumped(result), whole);
  }
  EXPECT_EQ(read_results({path}).records.size(), 6u);
  std::multiset<std::string> parts;
  for (int shard = 1; shard <= 2; ++shard) {
    RunnerOptions own = options();
    own.shard = shard, own.n_shards = 2;
    parts.merge(dumped(run_all(model_, tokenizer_, documents, own, tiny_info())));
  }
  EXPECT_EQ(parts, whole);
  std::remove(path.c_str());
}

/// Of two files of one name whose questions have the same ids and answers no report takes the one's answers
/// for the other's; the same questions in other words (--prompts) are theirs.
TEST_F(Questions, OfAnotherFileOfTheSameNameAreRefused) {
  const std::string path = testing::TempDir() + "ropewalk_two_files_" + std::to_string(::getpid()) + ".jsonl";
  std::remove(path.c_str());
  const auto first = read(line("1", 20, "a")), other = read(line("1", 30, "a"));
  ASSERT_EQ(first[0].text_id, other[0].text_id);
  const auto id_of = [](const Document& document) {
    return std::map<std::string, std::string>{{document.name, document.asked->question.file_id}};
  };
  Store store(path);
  run_all(model_, tokenizer_, first, options({}, &store), tiny_info());
  EXPECT_NO_THROW(store.require_questions(id_of(first[0])));
  EXPECT_THROW(store.require_questions(id_of(other[0])), Error);
  const auto reworded = read(line("1", 20, "a"), {.n_predict = 9});
  run_all(model_, tokenizer_, reworded, options({}, &store), tiny_info());
  EXPECT_EQ(read_results({path}).records.size(), 2u) << "each once: the later answer";
  run_all(model_, tokenizer_, other, options({}, &store), tiny_info());
  try {
    read_results({path});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("one question q.jsonl:1"), std::string::npos) << error.what();
  }
  std::remove(path.c_str());
}

/// All that an answer or its score depends on is in its key; which other questions stand beside it is not.
TEST_F(Questions, KeysHoldWhatTheAnswerDependsOn) {
  const std::string one = line("1", 20, "a"), two = line("2", 90, "b");
  const auto key = keys(read(one));
  EXPECT_EQ(key, keys(read(one)));
  const auto both = keys(read(one + two));
  EXPECT_TRUE(std::includes(both.begin(), both.end(), key.begin(), key.end()));
  EXPECT_NE(key, keys(read(one, {.n_predict = 9})));
  EXPECT_NE(key, keys(read(one, {.n_predict = 8, .any_reference = true})));
  EXPECT_NE(key, keys(read(one, {.n_predict = 8}, {.length = 100})));
  EXPECT_NE(key, keys(read(line("1", 21, "a"))));
  EXPECT_NE(key, keys(read(line("1", 20, "c"))));
}

TEST_F(Questions, APlanLeavesOutByNameWhatDoesNotFit) {
  // The trained length, 64, has no room for 80 written tokens: no truncation, and it is said.
  const Plan long_answer = plan(read(line("1", 20, "a"), {.n_predict = 80}), options().plan);
  EXPECT_EQ(long_answer.items.size(), 2u);
  ASSERT_EQ(long_answer.left_out.size(), 1u);
  EXPECT_NE(long_answer.left_out[0].find("truncated"), std::string::npos) << long_answer.left_out[0];
  std::vector<Token> tokens(400, 5);
  const std::vector<Document> texts{identify({"t", tokens, {1}})};
  const Plan mixed =
      plan(texts, {.tasks = {"common-words", "tail"}, .methods = {"pi"}, .lengths = {100, 200}, .tail = 16});
  for (const Item& item : mixed.items) EXPECT_EQ(item.task, "tail");
  ASSERT_EQ(mixed.left_out.size(), 3u);  // at 64, its own short score, too
  EXPECT_NE(mixed.left_out[2].find("common-words at 200 tokens: it needs"), std::string::npos);
  EXPECT_THROW(plan(texts, {.tasks = {"common-words"}, .methods = {}, .lengths = {100}}), Error);
  EXPECT_THROW(plan(texts, {.tasks = {"questions"}, .methods = {}, .lengths = {100}}), UsageError);
  EXPECT_THROW(plan(read(line("1", 20, "a")), {.tasks = {"tail"}, .methods = {}, .lengths = {100}}),
               UsageError);
}

/// A document that has too little room is named; where all have, the length is enough.
TEST_F(Questions, APlanNamesTheDocumentThatLosesAQuestion) {
  std::vector<Token> tokens(900, 5);
  const std::vector<Document> texts{identify({"a.txt", tokens, {1}}),
                                    identify({"b.txt", tokens, std::vector<Token>(90, 1)})};
  const auto left_out = [&](Index length) {
    return plan(texts, {.tasks = {"passkey", "tail"},
                        .methods = {"pi"},
                        .lengths = {length},
                        .tail = 16,
                        .n_seeds = 1})
        .left_out;
  };
  const auto names = [&](const std::string& line) { return line.find("passkey at") == 0 ? line : ""; };
  int one = 0, both = 0;
  for (Index length = 100; length < 800; length += 40)
    for (const std::string& line : left_out(length)) {
      if (names(line).empty() || line.find(fmt::format("at {} tokens", length)) == std::string::npos)
        continue;
      const bool named = line.find(" tokens in b.txt, of 2 documents: it needs ") != std::string::npos;
      EXPECT_EQ(line.find("a.txt"), std::string::npos) << line;
      ++(named ? one : both);
      if (!named) {
        EXPECT_NE(line.find(" tokens: it needs "), std::string::npos) << line;
      }
    }
  EXPECT_GT(one, 0);
  EXPECT_GT(both, 0);
}

/// What a plan says a task needs is what it needs, to the token.
TEST_F(Questions, RoomIsExact) {
  std::vector<Token> tokens;
  for (int i = 0; i < 4000; ++i) tokens.push_back(static_cast<Token>((i * 37 + i / 7) % 64));
  const Document document = identify({"t", tokens, {1}});
  const MethodSpec spec = MethodSpec::parse(kPlain);
  int fitted = 0, refused = 0;
  for (const Task& task : Registry<Task>::all()) {
    if (!task.room || task.unit != Unit::kQuestion) continue;
    for (int seed = 1; seed <= 2; ++seed) {
      TaskInput in{
          .model = model_, .tokenizer = tokenizer_, .spec = spec, .document = document, .length = 3000};
      in.seed = seed, in.n_depths = 1;
      const Index least = task.room(in).least;
      for (const Index length : {least - 1, least, least + 1}) {
        in.length = length;
        const bool fits = task.room(in).least <= length;
        try {
          task.run(in);
          EXPECT_TRUE(fits) << task.name << " at " << length;
        } catch (const Error& e) {
          EXPECT_FALSE(fits) << task.name << " at " << length << ": " << e.what();
        }
        (fits ? fitted : refused) += 1;
      }
    }
  }
  EXPECT_GE(fitted, 15);
  EXPECT_GE(refused, 8);
}

TEST_F(Questions, EachTaskSaysWhatItReads) {
  EXPECT_EQ(tokens_needed({.tasks = {"tail"}, .methods = {}, .lengths = {100, 512}}), 512);
  EXPECT_EQ(tokens_needed({.tasks = {"continuation"}, .methods = {}, .lengths = {512}, .n_predict = 128}),
            512);
  EXPECT_EQ(tokens_needed({.tasks = {"common-words"}, .methods = {}, .lengths = {512}}), 1);
  // Every task runs on a document that has just so many.
  for (const Task& task : Registry<Task>::all()) {
    if (task.unit == Unit::kAsked || task.of_encoders) continue;
    const PlanOptions options{.tasks = {task.name},
                              .methods = {"pi"},
                              .lengths = {3000},
                              .tail = 16,
                              .n_predict = 8,
                              .n_seeds = 1,
                              .n_depths = 1};
    std::vector<Document> documents;
    for (const Token first : {3, 5})
      documents.push_back(
          identify({fmt::format("d{}", first),
                    std::vector<Token>(static_cast<std::size_t>(tokens_needed(options)), first),
                    {1}}));
    EXPECT_NO_THROW(run_all(model_, tokenizer_, documents, {.plan = options}, tiny_info())) << task.name;
  }
}

}  // namespace
}  // namespace rw
