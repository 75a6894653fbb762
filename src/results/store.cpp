// SPDX-License-Identifier: Apache-2.0
#include "results/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/option.h"
#include "core/output_file.h"
#include "results/shards.h"

namespace rw {
namespace {

/// Of the whole file, until it goes out of scope.
class Lock {
 public:
  explicit Lock(int file) : file_(file) { ::flock(file_, LOCK_EX); }
  ~Lock() { ::flock(file_, LOCK_UN); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_;
};

/// That results could not be written should be said now, not in an hour.
void require_writable(const std::string& path, bool exists) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const std::string& asked = exists ? path : folder.empty() ? "." : folder;
  if (::access(asked.c_str(), W_OK) != 0) fail_to_write(path, errno);
}

/// Writes all of `bytes`; returns an errno, 0 for none.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
#ifdef __APPLE__
  return ::fcntl(file, F_FULLFSYNC) != 0 && ::fsync(file) != 0 ? errno : 0;
#else
  return ::fdatasync(file) != 0 && errno != EINVAL ? errno : 0;
#endif
}

}  // namespace

Store::Store(std::string path) : path_(std::move(path)) {
  if (path_ == "-") throw Error(path_, "a file of results", "standard output", "give the name of a file");
  std::error_code error;
  const bool exists = std::filesystem::exists(path_, error);
  if (error) throw Error(path_, "a file of results", error.message(), "check the name");
  if (exists) read_on();
  require_writable(path_, exists);
}

Store::Store(Store&& other) noexcept { *this = std::move(other); }

Store& Store::operator=(Store&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(good_, other.good_);
  std::swap(n_lines_, other.n_lines_);
  std::swap(n_cut_, other.n_cut_);
  std::swap(groups_, other.groups_);
  std::swap(runs_, other.runs_);
  return *this;
}

Store::~Store() {
  if (file_ >= 0) ::close(file_);
}

/// Takes in what stands behind good_.
void Store::read_on() {
  ResultLines lines = read_lines(path_, read_results_file(path_, good_), n_lines_);
  good_ += lines.good, n_lines_ += lines.n_lines, n_cut_ = lines.n_cut;
  for (ResultGroup& group : lines.groups) {
    runs_[group.key] = std::move(group.run);
    groups_[group.key] = std::move(group.records);
  }
}

int Store::n_shards() const {
  int most = 0;
  for (const auto& [key, records] : groups_)
    for (const Record& record : records) most = std::max(most, shard_from(record.shard).second);
  return most;
}

const std::vector<Record>* Store::find(const std::string& key) const {
  const auto found = groups_.find(key);
  return found == groups_.end() ? nullptr : &found->second;
}

void Store::open() {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file_ < 0) fail_to_write(path_, errno);
}

void Store::append(const std::string& key, const std::vector<Record>& records, const RunInfo& run) {
  if (file_ < 0) open();
  const std::string lines = lines_of(key, records, run);
  const Lock lock(file_);  // other shards may write to the same file
  if (std::filesystem::file_size(path_) < good_)
    throw Error(path_, "the results that were there", "a shorter file", "did something else write to it?");
  read_on();  // what they wrote; what is unfinished has no process that still lives
  const auto whole = static_cast<off_t>(good_);
  int error = n_cut_ > 0 && ::ftruncate(file_, whole) != 0 ? errno : 0;
  if (error == 0) error = write_all(file_, lines);
  if (error != 0 && ::ftruncate(file_, whole) != 0) error = errno;
  if (error != 0)
    throw Error(path_, fmt::format("room for {} bytes", lines.size()), std::strerror(error),
                "make room and run the same command: it goes on from here");
  good_ += lines.size(), n_lines_ += records.size(), n_cut_ = 0;
  groups_[key] = records, runs_[key] = run;
}

void Store::require_texts(const std::map<std::string, std::string>& texts) const {
  for (const auto& [key, records] : groups_)
    for (const Record& record : records)
      if (const auto own = texts.find(record.document); own != texts.end() && own->second != record.text_id)
        throw Error(
            path_, fmt::format("results with one text named {}", printable(record.document)),
            "another text, or one cut for other lengths or another " + option("n_documents", "--documents"),
            "give another " + option("store", "--out") + ", or another name to one of the two");
}

void Store::require_questions(const std::map<std::string, std::string>& questions) const {
  for (const auto& [key, records] : groups_)
    for (const Record& record : records)
      if (const auto own = questions.find(record.document);
          own != questions.end() && !record.question_id.empty() && own->second != record.question_id)
        throw Error(path_, fmt::format("answers to one question named {}", printable(record.document)),
                    "answers to another, of a file of the same name",
                    "give another " + option("store", "--out") + ", or another name to one of the two files");
}

void Store::require_alike(const RunInfo& run, bool uses_tail) const {
  const auto require = [&](const std::string& what, const auto& stored, const auto& own) {
    if (stored != own)
      throw Error(path_, fmt::format("results with {} {}, as this run's", what, own),
                  fmt::format("{}", stored),
                  "give another " + option("store", "--out") + ": one report cannot show both");
  };
  for (const auto& [key, stored] : runs_) {
    require("model", stored.model_id, run.model_id);
    require("precision", stored.precision, run.precision);
    require("KV cache", stored.kv, run.kv);
    require(option("special"), stored.special, run.special);
    require("trained length", stored.n_ctx_train, run.n_ctx_train);
    const std::string& task = groups_.at(key).front().task;
    if (uses_tail && scores_tail(task)) require("tail", stored.tail, run.tail);
  }
}

void Store::require_engine(const std::string& task, const std::string& method,
                           const std::string& resolved) const {
  for (const auto& [key, records] : groups_)
    for (const Record& record : records)
      if (record.task == task && record.method == method && record.resolved != resolved)
        throw Error(path_, fmt::format("{} of {} as in this run: {}", task, method, resolved),
                    record.resolved,
                    "give another " + option("store", "--out") + ", or the engine another name");
}

}  // namespace rw
