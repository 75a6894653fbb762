// SPDX-License-Identifier: Apache-2.0
/// Items shared out over ranks: the same records as one process makes, whatever happens to the others.
#include "judge/coordinator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "../thread_ranks.h"
#include "judge/item_messages.h"
#include "judge/runner.h"
#include "judge/worker.h"
#include "letters.h"

namespace rw {
namespace {

constexpr RankTimes kPatient{.beat = 0.02, .silence = 30}, kHasty{.beat = 0.02, .silence = 0.3};

std::shared_ptr<const Model> tiny_model() {  // each rank has one
  return Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama",
                     make_cpu_backend(Precision::kF32));
}

std::vector<Document> tiny_documents() {
  std::vector<Document> documents;
  for (std::uint32_t d = 0; d < 3; ++d) {
    std::vector<Token> tokens;
    for (std::uint32_t i = 0, x = d + 1; i < 200; ++i) {
      x = x * 1664525u + 1013904223u;
      tokens.push_back(static_cast<Token>((x >> 8) % 64));
    }
    documents.push_back(identify({fmt::format("d{}", d), tokens, {1}}));
  }
  return documents;
}

RunnerOptions options_of(Coordinator* coordinator, Store* store = nullptr) {
  RunnerOptions options;
  options.plan = {.tasks = {"tail", "far-use"},
                  .methods = {"pi", "rerope:window=16", "yarn"},
                  .lengths = {64, 128},
                  .tail = 16};
  options.coordinator = coordinator, options.store = store;
  return options;
}

/// All that a record says but what it took.
std::vector<std::string> told(const std::vector<Record>& records) {
  std::vector<std::string> lines;
  for (const Record& r : records) lines.push_back(dump_json(to_json(r, tiny_info())));
  return lines;
}

RunnerResult run_on(Coordinator* coordinator, Store* store = nullptr) {
  const std::shared_ptr<const Model> model = tiny_model();
  return run_all(*model, Letters(), tiny_documents(), options_of(coordinator, store), tiny_info());
}

using Body = std::function<void(const std::shared_ptr<Ranks>&)>;

/// What rank 0 makes of it while the others do `other`; `words`: what it says.
RunnerResult run_beside(int size, const RankTimes& times, const Body& other, std::string& words,
                        Store* store = nullptr) {
  RunnerResult result;
  ThreadRanks::run(size, [&](const std::shared_ptr<Ranks>& ranks) {
    if (!ranks->first()) return other(ranks);
    Coordinator coordinator(ranks, times, [&](const std::string& line) { words += line + "\n"; });
    EXPECT_EQ(coordinator.n_ranks(), size);
    result = run_on(&coordinator, store);
    EXPECT_EQ(told(run_on(&coordinator).records), told(result.records));  // one plan after another
  });
  return result;
}

void work(const std::shared_ptr<Ranks>& ranks) {
  const std::shared_ptr<const Model> model = tiny_model();
  work_items(ranks, *model, Letters(), kPatient);
}

void give_sign(Ranks& ranks) { ranks.send(0, message_bytes("here", {{"permille", 0}})); }

/// The next message of that kind to this rank, which lives while it waits: rank 0 may be at its model still.
ItemMessage next_message(Ranks& ranks, const std::string& kind) {
  for (;;) {
    const Ranks::Message bytes = ranks.receive(0.02);
    give_sign(ranks);
    if (bytes.from < 0) continue;
    if (ItemMessage message = read_message(0, bytes.bytes); message.kind == kind) return message;
  }
}

TEST(Coordinator, RecordsAreThoseOfOneProcess) {
  std::string words;
  const RunnerResult alone = run_on(nullptr);
  ASSERT_GT(alone.records.size(), 40u);
  for (const int size : {2, 4}) {
    const RunnerResult shared = run_beside(size, kPatient, work, words);
    EXPECT_EQ(told(shared.records), told(alone.records)) << size;
    EXPECT_EQ(shared.n_documents, 3u);
    EXPECT_EQ(shared.n_known, 0u);
  }
  EXPECT_EQ(words, "");
}

TEST(Coordinator, OneStoreHoldsAllOfIt) {
  const std::string path = testing::TempDir() + "/shared_items.jsonl";
  std::filesystem::remove(path);
  std::string words;
  {
    Store store(path);
    run_beside(3, kPatient, work, words, &store);
  }
  Store store(path);
  const RunnerResult again = run_on(nullptr, &store);
  EXPECT_EQ(again.n_known, again.n_items);
  EXPECT_EQ(told(again.records), told(run_on(nullptr).records));
}

TEST(Coordinator, WhatOthersMeasureIsTheResult) {
  RunnerResult shared;
  ThreadRanks::run(2, [&](const std::shared_ptr<Ranks>& ranks) {
    if (ranks->first()) {
      Coordinator coordinator(ranks, kPatient, [](const std::string&) {});
      shared = run_on(&coordinator);
      return;
    }
    for (;;) {
      const ItemMessage message = read_message(0, ranks->receive(0).bytes);
      if (message.kind == "end") return;
      if (message.kind != kOrder) continue;
      const ItemOrder order = order_from(message);
      Record record;  // with a loss that nobody would measure
      record.task = order.item.task, record.n_targets = 16, record.loss = 77;
      ranks->send(0, records_message(order.id, {record}));
    }
  });
  EXPECT_TRUE(std::any_of(shared.records.begin(), shared.records.end(),
                          [](const Record& r) { return r.loss == 77; }));
}

TEST(Coordinator, DocumentsBeginWhileTheBudgetHasRoom) {
  ThreadRanks::run(3, [](const std::shared_ptr<Ranks>& ranks) {
    if (!ranks->first()) return work(ranks);
    const std::shared_ptr<const Model> model = tiny_model();
    Coordinator coordinator(ranks, kPatient, [](const std::string&) {});
    RunnerOptions options = options_of(&coordinator);
    options.budget_seconds = 1e-9;
    const RunnerResult little = run_all(*model, Letters(), tiny_documents(), options, tiny_info());
    EXPECT_EQ(little.n_documents, 1u);  // it has more items than there are ranks
    EXPECT_TRUE(little.out_of_time);
    options.budget_seconds = 1e6;
    const RunnerResult all = run_all(*model, Letters(), tiny_documents(), options, tiny_info());
    EXPECT_EQ(all.n_documents, 3u);
    EXPECT_FALSE(all.out_of_time);
  });
}

TEST(Coordinator, WhatALostRankWasMeasuringIsMeasuredAgain) {
  std::string words;
  const RunnerResult shared = run_beside(
      3, kHasty,
      [](const std::shared_ptr<Ranks>& ranks) {
        if (ranks->rank() == 1) return work(ranks);
        next_message(*ranks, kOrder);  // and nothing comes of it
      },
      words);
  EXPECT_EQ(told(shared.records), told(run_on(nullptr).records));
  EXPECT_NE(words.find("rank 2 was not heard for 0 s, and is taken as lost; what it was measuring"),
            std::string::npos)
      << words;
}

TEST(Coordinator, WhoIsHeardAgainWorksAgain) {
  std::string words;
  std::atomic<bool> again = false;
  const RunnerResult shared = run_beside(
      3, kHasty,
      [&](const std::shared_ptr<Ranks>& ranks) {
        if (ranks->rank() == 1) {  // keeps the work from ending until rank 2 is heard, and is lost then
          next_message(*ranks, kOrder);
          for (; !again; std::this_thread::sleep_for(std::chrono::milliseconds(20))) give_sign(*ranks);
          return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(900));
        give_sign(*ranks);
        again = true;
        work(ranks);  // first what it was handed while it slept
      },
      words);
  EXPECT_EQ(told(shared.records), told(run_on(nullptr).records));
  EXPECT_NE(words.find("rank 2 was not heard"), std::string::npos) << words;
  EXPECT_NE(words.find("rank 2 is heard again"), std::string::npos) << words;
  EXPECT_NE(words.find("rank 1 was not heard"), std::string::npos) << words;
}

TEST(Coordinator, WhatIsNoMessageEndsTheWork) {
  for (const std::string bad :
       {"", "records", "[]\n", "{\"kind\":\"records\",\"id\":-1}\n", "{\"kind\":3}\n"}) {
    std::string words;
    EXPECT_THROW(run_beside(
                     2, kPatient,
                     [&](const std::shared_ptr<Ranks>& ranks) {
                       next_message(*ranks, kOrder);
                       ranks->send(0, std::as_bytes(std::span(bad)));
                     },
                     words),
                 Error)
        << bad;
  }
  std::string words;  // records that were changed on their way
  EXPECT_THROW(run_beside(
                   2, kPatient,
                   [&](const std::shared_ptr<Ranks>& ranks) {
                     const ItemOrder order = order_from(next_message(*ranks, kOrder));
                     Record record;
                     record.n_targets = 16, record.loss = 3;
                     MessageBytes bytes = records_message(order.id, {record});
                     const std::string three = "\"loss\":3";
                     const auto at =
                         std::search(bytes.begin(), bytes.end(), std::as_bytes(std::span(three)).begin(),
                                     std::as_bytes(std::span(three)).end());
                     ASSERT_NE(at, bytes.end());
                     *(at + 7) = std::byte{'2'};
                     ranks->send(0, bytes);
                   },
                   words),
               Error);
}

TEST(Coordinator, AWorkerEndsWhereTheFirstRankIsSilent) {
  ThreadRanks::run(2, [](const std::shared_ptr<Ranks>& ranks) {
    if (ranks->first()) return;
    const std::shared_ptr<const Model> model = tiny_model();
    EXPECT_THROW(work_items(ranks, *model, Letters(), kHasty), Error);
  });
}

TEST(ItemMessages, RecordsComeBackAsTheyWere) {
  Record record;
  record.task = "passkey", record.n_targets = 16, record.loss = 1.0 / 3, record.score = 0.7;
  record.values = {{"prompt", 3}, {"chat", 0.1}}, record.written = "a\nb";
  const MessageBytes bytes = records_message(9, {record, Record()});
  const std::vector<Record> back = records_from(read_message(1, bytes), 9);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(told(back), told({record, Record()}));
  EXPECT_THROW(records_from(read_message(1, bytes), 8), Error);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  text.replace(text.find("chat"), 4, "chaT");
  EXPECT_THROW(records_from(read_message(1, std::as_bytes(std::span(text))), 9), Error);
}

TEST(ItemMessages, AnOrderAndATextComeBackAsTheyWere) {
  ItemOrder order;
  order.id = 7, order.document = "aa", order.other = "bb";
  order.item.task = "tail", order.item.method = "yarn:factor=4", order.item.length = 128;
  order.item.seed = 3, order.item.told = 64, order.item.bytes = 1u << 20;
  order.plan.tail = 16, order.plan.n_predict = 5, order.plan.stride = 2, order.plan.n_depths = 4;
  const ItemOrder back = order_from(read_message(0, order_message(order)));
  EXPECT_EQ(order_message(back), order_message(order));
  EXPECT_EQ(back.item.method, "yarn:factor=4");
  EXPECT_EQ(back.item.told, 64);
  EXPECT_EQ(back.plan.n_depths, 4);

  const Document document = tiny_documents()[1];
  const MessageBytes bytes = document_message(document);
  const Document same = document_from(read_message(0, bytes), 64);
  EXPECT_EQ(same.tokens, document.tokens);
  EXPECT_EQ(same.bos, document.bos);
  EXPECT_EQ(same.name, document.name);
  EXPECT_THROW(document_from(read_message(0, bytes), 60), Error);  // ids that a smaller vocabulary has not
  MessageBytes changed = bytes, cut = bytes;
  changed[changed.size() - 4] ^= std::byte{1};  // another id
  EXPECT_THROW(document_from(read_message(0, changed), 64), Error);
  cut.pop_back();
  EXPECT_THROW(document_from(read_message(0, cut), 64), Error);
  const MessageBytes head_alone(bytes.begin(), std::find(bytes.begin(), bytes.end(), std::byte{'\n'}) + 1);
  EXPECT_THROW(document_from(read_message(0, head_alone), 64),
               Error);  // no token: under UBSan, no null is copied
  EXPECT_THROW(order_from(read_message(0, message_bytes(kOrder, {{"id", 1}}))), Error);
}

}  // namespace
}  // namespace rw
