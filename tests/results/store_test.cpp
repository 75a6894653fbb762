// SPDX-License-Identifier: Apache-2.0
/// A file of results: what was written comes back; a run killed at any byte goes on; a changed byte is named.
#include "results/store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"

namespace ropewalk {
namespace {

std::string bytes_of(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}
void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

Record record(const std::string& method, double loss, Index bucket = 0) {
  Record r;
  r.task = "positions", r.method = method, r.resolved = method + ":factor=2", r.document = "d \"1\"\n";
  r.length = 4096, r.achieved = 4095, r.position_begin = bucket, r.position_end = bucket + 64;
  r.n_targets = 64, r.loss = loss, r.seed = 3, r.depth = 0.25, r.score = 0.5;
  r.values = {{"bleu", 12.5}, {"top1", std::numeric_limits<double>::infinity()}};
  r.written = "caf\xc3\xa9 }\"run\":{", r.expected = "x", r.seconds = 1.5, r.peak_bytes = 77;
  return r;
}

RunInfo info(const std::string& model) {
  RunInfo run;
  run.model = run.model_id = model, run.version = "1", run.n_ctx_train = 64, run.tail = 8, run.threads = 2;
  return run;
}

class StoreFile : public testing::Test {
 protected:
  StoreFile() : path_(testing::TempDir() + "ropewalk_store_" + std::to_string(::getpid()) + ".jsonl") {
    std::filesystem::remove(path_);
  }
  ~StoreFile() override { std::filesystem::remove(path_); }
  /// Three groups: one line, three lines, one line.
  void fill() {
    Store store(path_);
    store.append("a", {record("none", 1)}, info("m"));
    store.append("b", {record("pi", 2), record("pi", 3, 64), record("pi", 4, 128)}, info("m"));
    store.append("c", {record("yarn", std::numeric_limits<double>::quiet_NaN())}, info("m"));
  }
  std::string path_;
};

TEST_F(StoreFile, GivesBackWhatWasWritten) {
  fill();
  const Store store(path_);
  EXPECT_EQ(store.n_cut(), 0u);
  ASSERT_NE(store.find("b"), nullptr);
  EXPECT_EQ(store.find("x"), nullptr);
  ASSERT_EQ(store.find("b")->size(), 3u);
  const Record &a = record("pi", 3, 64), &b = (*store.find("b"))[1];
  EXPECT_EQ(to_json(a, info("m")), to_json(b, info("m")));
  EXPECT_EQ(cost_json(a, info("m")), cost_json(b, info("m")));
  EXPECT_TRUE(std::isnan((*store.find("c"))[0].loss));
}

TEST_F(StoreFile, CutAtAnyByteItKeepsWholeGroupsAndGoesOn) {
  fill();
  const std::string whole = bytes_of(path_);
  std::vector<std::size_t> ends;  // of groups
  for (std::size_t at = 0, line = 0; at < whole.size(); ++at)
    if (whole[at] == '\n' && (line++, line == 1 || line == 4 || line == 5)) ends.push_back(at + 1);
  for (std::size_t size = 0; size <= whole.size(); size += 37) {
    write_bytes(path_, whole.substr(0, size));
    std::size_t kept = 0;
    for (std::size_t end : ends)
      if (end <= size) kept = end;
    Store store(path_);
    EXPECT_EQ(bytes_of(path_), whole.substr(0, kept)) << size;
    EXPECT_EQ(store.find("a") != nullptr, kept >= ends[0]) << size;
    EXPECT_EQ(store.find("b") != nullptr, kept >= ends[1]) << size;
  }
}

TEST_F(StoreFile, AnyFlippedByteIsFoundAndItsLineNamed) {
  fill();
  const std::string whole = bytes_of(path_);
  std::size_t line = 1;
  for (std::size_t at = 0; at + 1 < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (at % 2 == 0 ? 1 : 0x20));
    write_bytes(path_, changed);
    try {
      const Store store(path_);
      ADD_FAILURE() << "byte " << at << " of line " << line;
    } catch (const Error& e) {
      // A newline that is gone joins two lines: the first of them is named.
      EXPECT_NE(std::string(e.what()).find(fmt::format("{}:{}:", path_, line)), std::string::npos)
          << e.what();
    }
    if (whole[at] == '\n') ++line;
  }
  std::string changed = whole;  // the last newline: the line looks torn, and is measured again
  changed.back() = 'x';
  write_bytes(path_, changed);
  EXPECT_EQ(Store(path_).n_cut(), 1u);
}

TEST_F(StoreFile, AFullDiskLosesNothing) {
  fill();
  const std::string whole = bytes_of(path_);
  Store store(path_);
  rlimit old{}, full{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  full = old, full.rlim_cur = whole.size() + 100;  // room for a part of the line
  std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &full);
  EXPECT_THROW(store.append("d", {record("ntk", 5)}, info("m")), Error);
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(bytes_of(path_), whole);
  EXPECT_EQ(store.find("d"), nullptr);
  store.append("d", {record("ntk", 5)}, info("m"));  // once there is room again
  EXPECT_NE(Store(path_).find("d"), nullptr);
}

TEST_F(StoreFile, ReportsReadSeveralFilesWithoutRepeats) {
  fill();
  const std::string other = path_ + ".2";
  {
    std::filesystem::remove(other);
    Store store(other);
    store.append("c", {record("yarn", 9)}, info("m"));
    store.append("e", {record("dca", 6)}, info("m"));
  }
  EXPECT_EQ(read_results({path_, other}).records.size(), 6u);
  EXPECT_EQ(read_results({path_}).run.n_ctx_train, 64);
  write_bytes(other, "");
  EXPECT_THROW(read_results({other}), Error);
  Store(other).append("z", {record("dca", 6)}, info("another"));
  EXPECT_THROW(read_results({path_, other}), Error);
  EXPECT_THROW(read_results({other + ".missing"}), Error);
  std::filesystem::remove(other);
}

TEST_F(StoreFile, WhatWasMeasuredAgainCountsOnceAsItWasLast) {
  {
    Store store(path_);
    store.append("three depths", {record("pi", 2), record("pi", 3, 64)}, info("m"));
    store.append("five depths", {record("pi", 5), record("pi", 6, 128)}, info("m"));
  }
  const StoredResults results = read_results({path_});
  ASSERT_EQ(results.records.size(), 3u);
  EXPECT_EQ(results.records[0].loss, 5);
  EXPECT_EQ(results.records[1].loss, 3);
}

TEST_F(StoreFile, RefusesToJoinWhatWasMeasuredDifferently) {
  const auto refuses = [&](const std::string& what, const Record& second, const RunInfo& run) {
    std::filesystem::remove(path_);
    Record first = record("none", 1);
    first.task = "tail", first.text_id = "t";
    Store store(path_);
    store.append("a", {first}, info("m"));
    store.append("b", {second}, run);
    try {
      read_results({path_});
      ADD_FAILURE() << what;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("results with one " + what), std::string::npos)
          << error.what();
    }
  };
  Record tail = record("pi", 1);
  tail.task = "tail", tail.text_id = "t";
  RunInfo other = info("m");
  other.tail = 9;
  refuses("tail", tail, other);
  other = info("m"), other.precision = "f32";
  refuses("precision", tail, other);
  other = info("m"), other.kv = "q8";
  refuses("KV cache", tail, other);
  refuses("model", tail, info("n"));
  tail.text_id = "u";
  refuses("text of d", tail, info("m"));
}

TEST_F(StoreFile, GoesOnBehindTheHalfLineOfAKilledProcess) {
  fill();
  Store living(path_);
  write_bytes(path_, bytes_of(path_) + "{\"task\":");  // another process was killed here
  living.append("d", {record("ntk", 5)}, info("m"));
  const Store store(path_);
  EXPECT_EQ(store.n_cut(), 0u);
  EXPECT_NE(store.find("c"), nullptr);
  EXPECT_NE(store.find("d"), nullptr);
}

TEST_F(StoreFile, RefusesWhatIsNoFileOfResults) {
  for (const char* text : {"hello\n", "{}\n", "{\"run\":{\"checksum\":\"0123456789abcdef\"}}\n", "\n"}) {
    write_bytes(path_, text);
    EXPECT_THROW(Store{path_}, Error) << text;
    EXPECT_EQ(bytes_of(path_), text);  // and leaves it alone
  }
  EXPECT_THROW(Store("/nonexistent/x"), Error);
}

}  // namespace
}  // namespace ropewalk
