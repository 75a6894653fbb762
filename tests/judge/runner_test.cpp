// SPDX-License-Identifier: Apache-2.0
/// The loop over documents, lengths and methods, and the two tasks, on a tiny model (trained on 64 tokens).
#include "judge/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "letters.h"
#include "model/cost.h"
#include "results/tables.h"

namespace rw {
namespace {

class Runner : public testing::Test {
 protected:
  Runner()
      : shared_(Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama",
                            make_cpu_backend(Precision::kF32))),
        model_(*shared_) {
    for (int d = 0; d < 3; ++d) {
      std::vector<Token> tokens;
      for (std::uint32_t i = 0, x = static_cast<std::uint32_t>(d + 1); i < 200; ++i) {
        x = x * 1664525u + 1013904223u;
        tokens.push_back(static_cast<Token>((x >> 8) % static_cast<std::uint32_t>(model_.config().n_vocab)));
      }
      documents_.push_back(identify({fmt::format("d{}", d), tokens, {1}}));
    }
  }
  RunnerResult run(const PlanOptions& plan, double budget_seconds = 0, Store* store = nullptr) {
    return run_all(model_, tokenizer_, documents_,
                   {.plan = plan, .budget_seconds = budget_seconds, .store = store}, tiny_info());
  }
  static const Record& find(const RunnerResult& result, const std::string& method, Index length,
                            const std::string& document = "d0") {
    for (const Record& r : result.records)
      if (r.method == method && r.length == length && r.document == document) return r;
    throw Error("test", "a record of " + method, "none");
  }
  static std::size_t runs(const RunnerResult& result) {
    return static_cast<std::size_t>(std::count_if(result.records.begin(), result.records.end(),
                                                  [](const Record& r) { return !r.shared; }));
  }
  std::shared_ptr<const Model> shared_;
  const Model& model_;
  Letters tokenizer_;
  std::vector<Document> documents_;
};

TEST_F(Runner, RunsEachDistinctPlanOnce) {
  const RunnerResult result =
      run({.methods = {"none", "pi", "lambda", "rerope:window=16"}, .lengths = {64, 128}, .tail = 16});
  EXPECT_EQ(result.n_documents, 3u);
  // 64: plain = pi = lambda = the reference = truncated, and rerope. 128: four. No short baseline: its 80
  // tokens are more than the model was trained on.
  EXPECT_EQ(runs(result), 3u * 6u);
  EXPECT_TRUE(find(result, "pi", 64).shared);
  EXPECT_FALSE(find(result, "pi", 128).shared);
  EXPECT_EQ(find(result, "pi", 64).loss, find(result, kPlain, 64).loss);
  EXPECT_NE(find(result, "pi", 128).loss, find(result, kPlain, 128).loss);
  EXPECT_EQ(find(result, "pi", 128).resolved, "pi:factor=2,replace=0");
  std::set<std::string> methods;
  for (const Record& r : result.records) methods.insert(r.method);
  EXPECT_EQ(methods, (std::set<std::string>{kPlain, kTruncated, "pi", "lambda", "rerope:window=16"}));
}

TEST_F(Runner, TruncationIsPlainRopeAtTheTrainedLength) {
  const RunnerResult result = run({.methods = {"pi"}, .lengths = {32, 128}, .tail = 8});
  const Record& truncated = find(result, kTruncated, 128);
  EXPECT_EQ(truncated.achieved, 64);
  EXPECT_EQ(truncated.loss, find(result, kTruncated, 64).loss);
  EXPECT_EQ(find(result, kPlain, 128).achieved, 128);
}

TEST_F(Runner, TheTailsTargetsAreTheSameAtEveryLength) {
  const RunnerResult result = run({.methods = {"none"}, .lengths = {40, 64}, .tail = 10});
  for (const Index length : {40, 64}) {
    // By hand: BOS, then the document's last length - 1 tokens; the last 10 are the targets.
    std::vector<Token> tokens{1};
    const auto& all = documents_[0].tokens;
    tokens.insert(tokens.end(), all.end() - (length - 1), all.end());
    double sum = 0;
    for (double loss : token_losses(model_, MethodSpec::parse("none"), tokens, length - 11, length - 1))
      sum += loss;
    const Record& record = find(result, kPlain, length);
    EXPECT_EQ(record.n_targets, 10);
    EXPECT_DOUBLE_EQ(record.loss, sum / 10);
  }
}

TEST_F(Runner, StopsBeforeADocumentThatWouldNotFit) {
  const RunnerResult result = run({.methods = {"pi"}, .lengths = {128}, .tail = 16}, 1e-9);
  EXPECT_EQ(result.n_documents, 1u);  // the first always runs: else there would be nothing to say
  EXPECT_EQ(run({.methods = {"pi"}, .lengths = {128}, .tail = 16}, 1e6).n_documents, 3u);
}

TEST_F(Runner, RefusesBeforeTheWork) {
  EXPECT_THROW(run({.methods = {"rerope:window=0"}, .lengths = {64}}), UsageError);
  EXPECT_THROW(run({.tasks = {"tial"}, .methods = {"pi"}, .lengths = {64}}), UsageError);
  try {
    run({.methods = {"pi"}, .lengths = {Index{1} << 30}});
    ADD_FAILURE() << "ran";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("MiB"), std::string::npos) << e.what();  // the need is named
  }
}

/// What a task does not look at may change between two runs: its results still hold.
TEST_F(Runner, KeysHoldWhatATaskDependsOnAlone) {
  const auto keys = [&](const std::string& task, Index tail, Index n_predict, int n_depths,
                        Index stride = 0) {
    std::vector<std::string> all;
    for (const Item& item : plan_items(model_, tokenizer_, documents_,
                                       {.tasks = {task},
                                       .methods = {"pi"},
                                       .lengths = {512},
                                       .tail = tail,
                                       .n_predict = n_predict,
                                       .stride = stride,
                                       .n_depths = n_depths},
                                       tiny_info())
                                .items)
      for (const Served& served : item.serves) all.push_back(served.key);
    return all;
  };
  EXPECT_EQ(keys("tail", 16, 8, 2), keys("tail", 16, 9, 3));
  EXPECT_NE(keys("tail", 16, 8, 2), keys("tail", 17, 8, 2));
  EXPECT_EQ(keys("continuation", 16, 8, 2), keys("continuation", 16, 8, 3));
  EXPECT_NE(keys("continuation", 16, 8, 2), keys("continuation", 16, 9, 2));
  EXPECT_EQ(keys("tail", 16, 8, 2), keys("tail", 16, 8, 2, 5));
  EXPECT_NE(keys("sliding", 16, 8, 2), keys("sliding", 16, 8, 2, 5));
  EXPECT_EQ(keys("passkey", 16, 8, 2), keys("passkey", 17, 9, 2));
  EXPECT_NE(keys("passkey", 16, 8, 2), keys("passkey", 16, 8, 3));
}

/// Truncation answers the longer prompt's question from its end; where nothing is cut it is plain RoPE.
TEST_F(Runner, QuestionsHaveATruncatedBaselineBeyondTheTrainedLength) {
  std::vector<std::pair<Index, Index>> told;  // length, tokens
  for (const Item& item :
       plan_items(model_, tokenizer_, documents_,
                  {.tasks = {"passkey"}, .methods = {"pi"}, .lengths = {64, 512, 1024}}, tiny_info())
           .items)
    for (const Served& served : item.serves)
      if (served.label == kTruncated && item.document == 0 && item.seed == 1)
        told.emplace_back(served.length, item.told);
  EXPECT_EQ(told, (std::vector<std::pair<Index, Index>>{{512, 64}, {1024, 64}}));
}

TEST_F(Runner, APlanCountsEveryPassOfATask) {
  const std::map<std::string, double> passes{{"tail", 1},   {"far-use", 3}, {"sliding", 8},
                                             {"llama", 4},  {"passkey", 5}, {"common-words", 1},
                                             {"needle", 12}};
  PlanOptions plan;
  for (const auto& [task, n] : passes) {
    const Index length = Registry<Task>::get(task, "task").room ? 4000 : 48;
    plan.tasks = {task}, plan.lengths = {length};
    for (const Item& item : plan_items(model_, tokenizer_, documents_, plan, tiny_info()).items) {
      if (item.length == length && item.told == 0) {
        EXPECT_EQ(item.cost, n * cost_of(model_.config(), length)) << task;
      }
    }
  }
}

TEST_F(Runner, PositionsCoverThePassOnce) {
  const RunnerResult result =
      run({.tasks = {"positions"}, .methods = {"pi", "rerope:window=16"}, .lengths = {64, 150}});
  double sum = 0;
  Index next = 0;
  for (const Record& r : result.records) {
    if (r.method != "pi" || r.document != "d1") continue;
    EXPECT_EQ(r.achieved, 150);
    EXPECT_EQ(r.position_begin, next);
    next = r.position_end;
    sum += r.loss * static_cast<double>(r.n_targets);
  }
  EXPECT_EQ(next, 149);
  std::vector<Token> tokens{1};
  const auto& all = documents_[1].tokens;
  tokens.insert(tokens.end(), all.end() - 149, all.end());
  double expected = 0;
  for (double loss : token_losses(model_, MethodSpec::parse("pi"), tokens, 0, 149)) expected += loss;
  EXPECT_NEAR(sum, expected, 1e-9 * expected);
  const std::string table = other_tables(result.records, Units{});
  EXPECT_NE(table.find("[2] pi"), std::string::npos) << table;
}

TEST_F(Runner, AStoreIsContinuedAndGivesTheSameAgain) {
  const std::string path = testing::TempDir() + "ropewalk_runner_" + std::to_string(::getpid()) + ".jsonl";
  std::remove(path.c_str());
  const PlanOptions plan{.tasks = {"tail", "positions"},
                         .methods = {"pi", "rerope:window=16"},
                         .lengths = {64, 128},
                         .tail = 16};
  const RunnerResult fresh = run(plan);
  {
    Store store(path);
    run({.methods = {"rerope:window=16"}, .lengths = {64, 128}, .tail = 16}, 0, &store);
  }
  Store store(path);
  const RunnerResult continued = run(plan, 0, &store);
  EXPECT_GT(continued.n_known, 0u);
  EXPECT_LT(continued.n_known, continued.n_items);
  const RunnerResult again = run(plan, 0, &store);
  EXPECT_EQ(again.n_known, again.n_items);
  ASSERT_EQ(again.records.size(), fresh.records.size());
  for (std::size_t i = 0; i < fresh.records.size(); ++i) {
    Json a = to_json(fresh.records[i], tiny_info()), b = to_json(again.records[i], tiny_info());
    a.erase("shared"), b.erase("shared");  // of two names for one plan, the first measured may differ
    EXPECT_EQ(a, b);
  }
  std::remove(path.c_str());
}

TEST_F(Runner, OnlyWhatIsStoredIsCollected) {
  const std::string path = testing::TempDir() + "ropewalk_only_stored.jsonl";
  std::filesystem::remove(path);
  Store store(path);
  PlanOptions plan;
  plan.lengths = {64}, plan.tail = 16, plan.methods = {"pi"};
  RunnerOptions options{.plan = plan, .store = &store, .only_stored = true};
  EXPECT_TRUE(run_all(model_, tokenizer_, documents_, options, tiny_info()).records.empty());
  const std::vector<Document> first(documents_.begin(), documents_.begin() + 1);
  options.only_stored = false;
  const std::size_t n = run_all(model_, tokenizer_, first, options, tiny_info()).records.size();
  options.only_stored = true;
  const RunnerResult all = run_all(model_, tokenizer_, documents_, options, tiny_info());
  EXPECT_EQ(all.records.size(), n);
  EXPECT_EQ(all.n_known, all.n_items);
  std::filesystem::remove(path);
}

TEST(OtherDocument, IsOfAnotherFileWhereThereIsOne) {
  const std::vector<Document> both = {{"a#1", {}, {}}, {"a#2", {}, {}}, {"b#1", {}, {}}};
  EXPECT_EQ(other_document(both, 0), &both[2]);
  EXPECT_EQ(other_document(both, 1), &both[2]);
  EXPECT_EQ(other_document(both, 2), &both[0]);
  const std::vector<Document> one(both.begin(), both.begin() + 2);
  EXPECT_EQ(other_document(one, 1), &one[0]);
  EXPECT_EQ(other_document({both[0]}, 0), nullptr);
}

TEST_F(Runner, ShardsTogetherAreTheWhole) {
  const PlanOptions plan{.methods = {"pi", "rerope:window=16"}, .lengths = {64, 128}, .tail = 16};
  std::multiset<std::string> whole, parts;
  for (const Record& r : run(plan).records) whole.insert(dump_json(to_json(r, tiny_info())));
  for (int shard = 1; shard <= 3; ++shard)
    for (const Record& r :
         run_all(model_, tokenizer_, documents_, {.plan = plan, .shard = shard, .n_shards = 3}, tiny_info())
             .records)
      parts.insert(dump_json(to_json(r, tiny_info())));
  EXPECT_EQ(whole, parts);
}

TEST(PositionsTable, Has80Columns) {
  std::vector<Record> records;
  for (int m = 0; m < 19; ++m)
    for (Index begin : {0, 1000000}) {
      Record r;
      r.method = fmt::format("yarn:factor={}+rerope:window=1024+logn", m);
      r.task = "positions", r.position_begin = begin, r.position_end = begin + 9999, r.loss = 12.345 + m;
      records.push_back(r);
    }
  const std::string table = other_tables(records, Units{});
  for (std::size_t begin = 0, end; begin < table.size(); begin = end + 1) {
    end = table.find('\n', begin);
    EXPECT_LE(end - begin, 80u) << table.substr(begin, end - begin);
  }
  for (int m = 0; m < 19; ++m) EXPECT_NE(table.find(fmt::format("{:.3f}", 12.345 + m)), std::string::npos);
}

}  // namespace
}  // namespace rw
