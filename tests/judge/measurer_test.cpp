// SPDX-License-Identifier: Apache-2.0
#include "judge/measurer.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "core/error.h"
#include "judge/documents_in_time.h"

namespace rw {
namespace {

using std::chrono_literals::operator""s;

/// Items are measured by `measure`; what is kept and said is noted.
struct Bench {
  explicit Bench(std::size_t n, std::function<std::vector<Record>(std::size_t)> measure)
      : items(n),
        work{.items = items,
             .documents = documents,
             .plan = plan,
             .is_known = [](std::size_t) { return false; },
             .begin = [](std::size_t, double) { return true; },
             .measure = [measure](std::size_t i, const TokensDone&) { return measure(i); },
             .keep = [this](std::size_t i, const std::vector<Record>&) { kept.push_back(i); },
             .before_words = [] {}} {}
  std::vector<Item> items;
  std::vector<Document> documents;
  PlanOptions plan;
  std::vector<std::size_t> kept;
  ItemWork work;
};

std::vector<Record> record_of(std::size_t i) {
  Record record;
  record.length = static_cast<Index>(i);
  return {record};
}

TEST(MeasurerTest, records_come_in_the_order_that_is_asked_for) {
  Bench bench(9, record_of);
  const std::unique_ptr<Measurer> measurer = measure_here(bench.work, 4, kQuiet);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(measurer->measure(i, {}).at(0).length, static_cast<Index>(i));
}

/// An engine may take minutes for an answer: who waits hears at once that another one failed, and what comes
/// meanwhile is kept.
TEST(MeasurerTest, an_error_is_said_at_once_and_answers_under_way_are_kept) {
  std::promise<void> said;
  const std::shared_future<void> heard = said.get_future().share();
  Bench bench(9, [heard](std::size_t i) -> std::vector<Record> {
    if (i == 2) throw Error("engine", "an answer", "none", "");
    if (i == 0 && heard.wait_for(60s) != std::future_status::ready)
      throw Error("item 0", "words", "none", "");
    return record_of(i);
  });
  std::vector<std::string> words;
  const std::unique_ptr<Measurer> measurer = measure_here(bench.work, 4, [&](const std::string& line) {
    words.push_back(line);
    said.set_value();
  });
  try {
    measurer->measure(0, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.place(), "engine");
  }
  ASSERT_EQ(words.size(), 1u);
  EXPECT_NE(words[0].find("engine: expected an answer"), std::string::npos) << words[0];
  EXPECT_EQ(bench.kept, (std::vector<std::size_t>{0, 1, 3}));
}

/// Nothing is asked of a document that the budget has no room for, however many are asked side by side.
TEST(MeasurerTest, documents_without_time_are_not_begun) {
  std::mutex mutex;
  std::set<std::size_t> measured;
  Bench bench(6, [&](std::size_t i) {
    const std::lock_guard lock(mutex);
    measured.insert(i);
    return record_of(i);
  });
  for (std::size_t i = 0; i < 6; ++i) bench.items[i].document = i / 2;
  bench.work.begin = [](std::size_t document, double) { return document < 2; };
  const std::unique_ptr<Measurer> measurer = measure_here(bench.work, 6, kQuiet);
  for (std::size_t i = 0; i < 4; ++i) measurer->measure(i, {});
  EXPECT_EQ(measured, (std::set<std::size_t>{0, 1, 2, 3}));
}

/// The budget itself: before anything is measured one document is begun, however short it is.
TEST(MeasurerTest, a_budget_holds_side_by_side) {
  std::mutex mutex;
  std::set<std::size_t> measured;
  Bench bench(6, [&](std::size_t i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::lock_guard lock(mutex);
    measured.insert(i);
    return record_of(i);
  });
  for (std::size_t i = 0; i < 6; ++i) bench.items[i].document = i / 2, bench.items[i].cost = 1;
  DocumentsInTime in_time(bench.items, std::vector<bool>(6), 3, 0.001);
  bench.work.begin = [&](std::size_t document, double done) { return in_time.begin(document, done); };
  ASSERT_TRUE(in_time.begin(0, 0));
  const std::unique_ptr<Measurer> measurer = measure_here(bench.work, 6, kQuiet);
  for (std::size_t i = 0; i < 2; ++i) measurer->measure(i, {});
  EXPECT_EQ(measured, (std::set<std::size_t>{0, 1}));
}

/// Two processes on one store: the error of what the other one has measured meanwhile is nobody's.
TEST(MeasurerTest, an_error_of_an_item_that_is_known_meanwhile_ends_nothing) {
  std::promise<void> fails;
  const std::shared_future<void> heard = fails.get_future().share();
  std::atomic<bool> by_other = false;
  Bench bench(3, [&fails, &by_other, heard](std::size_t i) -> std::vector<Record> {
    if (i == 1) {
      by_other = true;
      fails.set_value();
      throw Error("engine", "an answer", "none", "");
    }
    heard.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // behind the error
    return record_of(i);
  });
  bench.work.is_known = [&by_other](std::size_t i) { return i == 1 && by_other; };
  const std::unique_ptr<Measurer> measurer = measure_here(bench.work, 2, kQuiet);
  EXPECT_EQ(measurer->measure(0, {}).at(0).length, 0);
  EXPECT_EQ(measurer->measure(2, {}).at(0).length, 2);
}

TEST(MeasurerTest, an_error_of_the_item_that_is_asked_for_is_thrown) {
  Bench bench(3, [](std::size_t i) -> std::vector<Record> {
    if (i == 2) throw Error("engine", "an answer", "none", "");
    return record_of(i);
  });
  const std::unique_ptr<Measurer> measurer = measure_here(bench.work, 2, kQuiet);
  EXPECT_EQ(measurer->measure(0, {}).size(), 1u);
  EXPECT_THROW(
      {
        measurer->measure(1, {});
        measurer->measure(2, {});
      },
      Error);
}

}  // namespace
}  // namespace rw
