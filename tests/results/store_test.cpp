// SPDX-License-Identifier: Apache-2.0
/// A file of results: what was written comes back; a run killed at any byte goes on; a changed byte is named.
#include "results/store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/random.h"

namespace rw {
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
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write_bytes(path_, whole.substr(0, size));
    std::size_t kept = 0;
    for (std::size_t end : ends)
      if (end <= size) kept = end;
    if (size > 0 && size < kLineStart.size()) {  // nothing tells that this is ours
      EXPECT_THROW(Store{path_}, Error);
      EXPECT_EQ(bytes_of(path_), whole.substr(0, size));
      continue;
    }
    Store store(path_);
    ASSERT_EQ(bytes_of(path_), whole.substr(0, size)) << "opening must not write";
    EXPECT_EQ(store.find("a") != nullptr, kept >= ends[0]) << size;
    EXPECT_EQ(store.find("b") != nullptr, kept >= ends[1]) << size;
    store.append("d", {record("ntk", 5)}, info("m"));
    const std::string after = bytes_of(path_);
    ASSERT_EQ(after.substr(0, kept), whole.substr(0, kept)) << size;
    ASSERT_EQ(after.substr(kept), lines_of("d", {record("ntk", 5)}, info("m"))) << size;
  }
}

/// Of somebody else, whatever its bytes: never opened, never changed.
TEST_F(StoreFile, AForeignFileIsRefusedAndStaysAsItIs) {
  fill();
  const std::string ours = bytes_of(path_);
  Random random(15);
  constexpr std::string_view marks = "{\"task\":[1,2,\"a b\"]} \n";
  const auto letters = [&](std::size_t n, std::uint32_t kind) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
      text += kind == 0   ? static_cast<char>(random.below(256))
              : kind == 1 ? marks[random.below(marks.size())]
                          : static_cast<char>(32 + random.below(95));
    return text;
  };
  for (int file = 0; file < 10000; ++file) {
    const std::uint32_t kind = random.below(6);
    const std::string noise = letters(1 + random.below(200), kind % 3);
    std::string bytes = noise;
    if (kind == 3) bytes = ours.substr(0, random.below(static_cast<std::uint32_t>(ours.size()))) + noise;
    if (kind == 4) bytes = noise + ours;
    if (kind == 5) bytes = std::string(kLineStart) + noise;
    if (random.below(2) == 0 && bytes.back() != '\n') bytes += '\n';
    write_bytes(path_, bytes);
    try {
      const Store store(path_);
      // What is opened is ours, and the rest of it the beginning of a line of ours.
      const std::size_t whole = bytes.rfind('\n') == std::string::npos ? 0 : bytes.rfind('\n') + 1;
      const std::string rest = bytes.substr(whole);
      EXPECT_EQ(rest.substr(0, kLineStart.size()), kLineStart.substr(0, rest.size())) << rest;
      EXPECT_EQ(bytes.substr(0, whole), ours.substr(0, whole));
    } catch (const Error&) {
    }
    ASSERT_EQ(bytes_of(path_), bytes) << file;
  }
}

TEST_F(StoreFile, TwoOfOursAfterEachOtherAreOne) {
  fill();
  const std::string ours = bytes_of(path_);
  const std::string theirs = lines_of("z", {record("dca", 6), record("dca", 7, 64)}, info("m"));
  for (std::size_t cut = 0; cut <= ours.size(); cut += 13) {
    const std::string both = ours.substr(0, cut) + theirs;
    write_bytes(path_, both);
    try {
      EXPECT_NE(Store(path_).find("z"), nullptr);
      EXPECT_TRUE(cut == 0 || ours[cut - 1] == '\n');
    } catch (const Error&) {  // a torn line in the middle
    }
    EXPECT_EQ(bytes_of(path_), both);
  }
}

TEST_F(StoreFile, WhatAnEditorOrALostPowerLeavesAtLineEndsIsRead) {
  fill();
  const std::string ours = bytes_of(path_);
  std::string crlf;
  for (const char c : ours) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  const std::string nul(5000, '\0');
  // NUL bytes of blocks that were never filled: behind whole lines, and behind a part of one.
  for (const std::string& bytes :
       {crlf, ours + nul, ours + ours.substr(0, 60) + nul, ours + "\n", ours + "\r\n\n"}) {
    write_bytes(path_, bytes);
    Store store(path_);
    EXPECT_EQ(bytes_of(path_), bytes) << "opening never writes";
    const auto* records = store.find("a");
    ASSERT_NE(records, nullptr);
    store.append("z", {record("dca", 6)}, info("m"));
    EXPECT_EQ(Store(path_).find("a")->size(), records->size());
    EXPECT_NE(Store(path_).find("z"), nullptr);
    EXPECT_EQ(bytes_of(path_).find('\0'), std::string::npos);
  }
  for (const std::string& bytes : {nul, "a note" + nul, nul + ours, crlf + "a note\r\n"}) {
    write_bytes(path_, bytes);
    EXPECT_THROW(Store{path_}, Error) << "not ours";
    EXPECT_EQ(bytes_of(path_), bytes);
  }
}

TEST_F(StoreFile, OpeningMakesNoFileAndOnlyRegularFilesAreOpened) {
  { const Store store(path_); }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_THROW(Store("/dev/zero"), Error);
  EXPECT_THROW(Store("/dev/full"), Error);
  EXPECT_THROW(Store{testing::TempDir()}, Error);
  EXPECT_THROW(read_results({"/dev/zero"}), Error);
}

TEST_F(StoreFile, OneFileHoldsWhatOneReportCanShow) {
  Record tail = record("none", 1);
  tail.task = "tail";
  Store(path_).append("a", {tail}, info("m"));
  const Store store(path_);
  EXPECT_NO_THROW(store.require_alike(info("m"), true));
  RunInfo other = info("m");
  other.tail = 9;
  EXPECT_THROW(store.require_alike(other, true), Error);
  EXPECT_NO_THROW(store.require_alike(other, false));
  other = info("m"), other.precision = "f32";
  EXPECT_THROW(store.require_alike(other, false), Error);
  EXPECT_THROW(store.require_alike(info("n"), false), Error);
  other = info("m"), other.special = true;
  EXPECT_THROW(store.require_alike(other, false), Error);
  EXPECT_NO_THROW(store.require_texts({{tail.document, tail.text_id}, {"another", "text"}}));
  EXPECT_THROW(store.require_texts({{tail.document, "another text"}}), Error);
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
  std::string changed = whole;  // the last newline: no line of ours ends so
  changed.back() = 'x';
  write_bytes(path_, changed);
  EXPECT_THROW(Store{path_}, Error);
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

/// A text under two names would count as two.
TEST_F(StoreFile, ATextUnderTwoNamesIsOne) {
  {
    Store store(path_);
    int n = 0;
    for (const char* name : {"a.txt", "copy.txt", "b.txt"})
      for (const char* task : {"tail", "questions"}) {
        Record r = record("none", 1);
        r.task = task, r.document = name, r.text_id = std::string(name) == "b.txt" ? "u" : "t";
        store.append(std::to_string(n++), {r}, info("m"));
      }
  }
  std::map<std::string, std::set<std::string>> documents;
  for (const Record& r : read_results({path_}).records) documents[r.task].insert(r.document);
  EXPECT_EQ(documents["tail"], (std::set<std::string>{"a.txt", "b.txt"}));
  EXPECT_EQ(documents["questions"].size(), 3u);  // known by their ids
}

/// Processes that share the work write as they finish; what a file of an older version lacks, a later one
/// says.
TEST_F(StoreFile, AReportHasTheOrderOfTheCommand) {
  {
    Store store(path_);
    int n = 0;
    for (const char* method : {"yarn", "none", "dca", "pi", "none (truncated)"}) {
      Record r = record(method, 1);
      r.task = "tail", r.command = "ropewalk eval m --text t --methods pi 'ntk' yarn dca --lengths 1k";
      RunInfo run = info("m");
      run.n_vocab = n == 0 ? 0 : 100;
      store.append(std::to_string(n++), {r}, run);
    }
  }
  const StoredResults results = read_results({path_});
  std::vector<std::string> methods;
  for (const Record& r : results.records) methods.push_back(r.method);
  EXPECT_EQ(methods, (std::vector<std::string>{"none", "pi", "yarn", "dca", "none (truncated)"}));
  EXPECT_EQ(results.run.n_vocab, 100);
}

TEST_F(StoreFile, WhatWasMeasuredAgainIsCounted) {
  for (const char* key : {"of 16 tokens", "of 32 tokens"})
    Store(path_).append(key, {record("none", 1)}, info("m"));
  EXPECT_EQ(read_results({path_}).records.size(), 1u);
  EXPECT_EQ(read_results({path_}).n_again, 1u);
  EXPECT_EQ(read_results({path_, path_}).n_again, 1u);  // the same items, seen twice
  std::ifstream in(path_, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(path_, std::ios::binary) << "\xef\xbb\xbf" << whole;
  EXPECT_EQ(read_results({path_}).records.size(), 1u);
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
  write_bytes(path_, bytes_of(path_) + "{\"ropewalk\":1,\"ta");  // another process was killed here
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
}  // namespace rw
