// SPDX-License-Identifier: Apache-2.0
/// Results of a long study: many lines are read once, however often is asked and written.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "results/store.h"

namespace rw {
namespace {

/// 100 methods on 100 documents, a line each, and a hundred appended one by one. Reading the file anew at
/// each append would take minutes.
TEST(StoreSize, TenThousandLinesAreReadOnce) {
  const std::string path =
      testing::TempDir() + "ropewalk_store_size_" + std::to_string(::getpid()) + ".jsonl";
  RunInfo run;
  run.model = run.model_id = "m", run.version = "1", run.n_ctx_train = 64, run.tail = 8;
  const auto key = [](int i) { return "item " + std::to_string(i); };
  const auto record = [](int i) {
    Record r;
    r.task = "tail", r.method = "pi:factor=" + std::to_string(i % 100 + 2), r.resolved = r.method;
    r.document = "d" + std::to_string(i / 100), r.text_id = "t" + r.document;
    r.length = 4096, r.achieved = 4096, r.n_targets = 8, r.loss = 2 + i * 0x1p-20;
    return r;
  };
  constexpr int kLines = 10000, kMore = 100;
  {
    std::ofstream out(path, std::ios::binary);
    for (int i = 0; i < kLines; ++i) out << lines_of(key(i), {record(i)}, run);
  }
  const auto start = std::chrono::steady_clock::now();
  Store store(path);
  for (int i = 0; i < kMore; ++i) store.append(key(kLines + i), {record(kLines + i)}, run);
  const Store again(path);
  for (int i = 0; i < kLines + kMore; ++i) {
    ASSERT_NE(store.find(key(i)), nullptr) << i;
    ASSERT_NE(again.find(key(i)), nullptr) << i;
    ASSERT_EQ(again.find(key(i))->at(0).loss, record(i).loss) << i;
  }
  const StoredResults results = read_results({path});
  EXPECT_EQ(results.records.size(), static_cast<std::size_t>(kLines + kMore));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace rw
