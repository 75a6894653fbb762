// SPDX-License-Identifier: Apache-2.0
#include "results/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <tuple>

#include "core/error.h"
#include "core/hash.h"

namespace ropewalk {
namespace {

constexpr std::size_t kChecksumDigits = 16;
constexpr std::string_view kChecksum = R"("checksum":")", kEnd = "\"}}\n";

std::string checksum(std::string_view before) {
  return sha256(std::string(before) + std::string(kEnd)).substr(0, kChecksumDigits);
}

std::string line_of(const std::string& key, std::size_t index, std::size_t n, const Record& record,
                    const RunInfo& run) {
  Json j = to_json(record, run);
  j["key"] = key, j["index"] = index, j["of"] = n;
  j["run"] = cost_json(record, run);
  j["run"]["checksum"] = "";
  std::string line = dump_json(j) + "\n";
  const std::size_t at = line.size() - kEnd.size();
  line.insert(at, checksum(std::string_view(line).substr(0, at)));
  return line;
}

/// `line` ends with its newline. Whether it is as it was written.
bool intact(std::string_view line) {
  const std::size_t tail = kChecksum.size() + kChecksumDigits + kEnd.size();
  if (line.size() < tail || line.substr(line.size() - kEnd.size()) != kEnd) return false;
  const std::size_t at = line.size() - kEnd.size() - kChecksumDigits;
  return line.substr(at - kChecksum.size(), kChecksum.size()) == kChecksum &&
         line.substr(at, kChecksumDigits) == checksum(line.substr(0, at));
}

struct Group {
  std::string key;
  std::vector<Record> records;
  std::size_t n = 0;  // that it should have
  RunInfo run;
};

struct Contents {
  std::vector<Group> groups;
  std::size_t good = 0;  // bytes up to the last whole group
  std::size_t n_cut = 0;
};

/// The lines of a file in groups. A last line without its newline, or a last group that lacks records, is not
/// an error; anything else that is not intact is.
Contents read_groups(const std::string& path, const std::string& bytes) {
  Contents contents;
  Group open;
  std::size_t number = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    ++number;
    const std::size_t newline = bytes.find('\n', at);
    if (newline == std::string::npos) return ++contents.n_cut, contents;  // torn
    const std::string_view line(bytes.data() + at, newline + 1 - at);
    const auto bad = [&](const char* found) {
      return Error(fmt::format("{}:{}", path, number), "a line of results as ropewalk wrote it", found,
                   "delete this line and those with the same key; they will be measured again");
    };
    if (!intact(line)) throw bad("a checksum that does not fit: the line was changed");
    at = newline + 1;
    try {
      const JsonInput j = parse_json(line, path);
      const std::string key = j.at("key").get<std::string>();
      if (open.records.empty()) open = {key, {}, j.at("of").get<std::size_t>(), run_info_from(j)};
      if (key != open.key || j.at("index").get<std::size_t>() != open.records.size())
        throw bad("a line that does not follow the one before");
      open.records.push_back(record_from(j));
      const std::optional<double> score = open.records.back().score;
      if (score && !(*score >= 0 && *score <= 1)) throw bad("a score outside of 0 to 1");
    } catch (const nlohmann::json::exception&) {
      throw bad("fields that are missing");
    }
    ++contents.n_cut;
    if (open.records.size() < open.n) continue;
    contents.groups.push_back(std::move(open));
    open = {};
    contents.good = at, contents.n_cut = 0;
  }
  return contents;
}

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

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(path, "a file of results", std::strerror(errno), "check the path");
  std::ostringstream bytes;
  if (in.peek() != std::ifstream::traits_type::eof()) bytes << in.rdbuf();
  return bytes.str();
}

/// Another process may have been killed while it wrote: without its half of a line, what follows would be
/// lost as well. Returns an errno, 0 for none.
int cut_torn_line(int file, const std::string& path) {
  const off_t end = ::lseek(file, 0, SEEK_END);
  char last = '\n';
  if (end <= 0 || ::pread(file, &last, 1, end - 1) != 1 || last == '\n') return 0;
  const std::size_t newline = read_whole(path).rfind('\n');
  const off_t whole = newline == std::string::npos ? 0 : static_cast<off_t>(newline) + 1;
  return ::ftruncate(file, whole) == 0 ? 0 : errno;
}

}  // namespace

Store::Store(std::string path) {
  *this = appending(std::move(path));
  read();
}

Store Store::appending(std::string path) {
  Store store;
  store.path_ = std::move(path);
  store.file_ = ::open(store.path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (store.file_ < 0) throw Error(store.path_, "a file that can be written", std::strerror(errno));
  return store;
}

Store::Store(Store&& other) noexcept { *this = std::move(other); }

Store& Store::operator=(Store&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(n_cut_, other.n_cut_);
  std::swap(groups_, other.groups_);
  return *this;
}

Store::~Store() {
  if (file_ >= 0) ::close(file_);
}

void Store::read() {
  const Lock lock(file_);  // what is unfinished now was not written by a process that still lives
  const std::string bytes = read_whole(path_);
  Contents contents = read_groups(path_, bytes);
  n_cut_ = contents.n_cut;
  if (contents.good < bytes.size() && ::ftruncate(file_, static_cast<off_t>(contents.good)) != 0)
    throw Error(path_, "a file that can be cut to its last whole item", std::strerror(errno));
  for (Group& group : contents.groups) groups_[group.key] = std::move(group.records);
}

const std::vector<Record>* Store::find(const std::string& key) const {
  const auto found = groups_.find(key);
  return found == groups_.end() ? nullptr : &found->second;
}

void Store::append(const std::string& key, const std::vector<Record>& records, const RunInfo& run) {
  std::string lines;
  for (std::size_t i = 0; i < records.size(); ++i) lines += line_of(key, i, records.size(), records[i], run);
  const Lock lock(file_);  // other shards may write to the same file
  int error = cut_torn_line(file_, path_);
  const off_t before = ::lseek(file_, 0, SEEK_END);
  std::size_t done = 0;
  if (before < 0) error = errno;
  while (done < lines.size() && error == 0) {
    const ssize_t n = ::write(file_, lines.data() + done, lines.size() - done);
    if (n < 0 && errno != EINTR) error = errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  if (error == 0 && ::fdatasync(file_) != 0 && errno != EINVAL) error = errno;
  if (error != 0 && before >= 0 && ::ftruncate(file_, before) != 0) error = errno;
  if (error != 0)
    throw Error(path_, fmt::format("room for {} bytes", lines.size()), std::strerror(error),
                "make room and run the same command: it goes on from here");
  groups_[key] = records;
}

namespace {

/// Joins the groups of several files, and refuses what cannot stand in one table.
class Merger {
 public:
  void add(const std::string& path, const Group& group) {
    if (results_.records.empty()) results_.run = group.run;
    require_same(path, "model", results_.run.model_id, group.run.model_id);
    require_same(path, "precision", results_.run.precision, group.run.precision);
    require_same(path, "KV cache", results_.run.kv, group.run.kv);
    require_same(path, "trained length", results_.run.n_ctx_train, group.run.n_ctx_train);
    if (std::string& seen = keys_[group.key]; seen.empty())
      seen = path;
    else
      return;
    for (const Record& record : group.records) {
      // Of the tasks that score a document's last tokens, the tail says which tokens.
      if (record.task == "tail" || record.task == "far-use")
        require_same(path, "tail", tails_.emplace(record.task, group.run.tail).first->second, group.run.tail);
      require_same(path, "text of " + record.document,
                   texts_.emplace(record.document, record.text_id).first->second, record.text_id);
      add(record);
    }
  }
  StoredResults take() { return std::move(results_); }

 private:
  /// The same question, or the same loss, measured again with other settings counts once: the later one.
  void add(const Record& r) {
    const Cell cell{r.task,          r.part, r.method, r.document, r.length, r.seed, r.depth.value_or(-1),
                    r.position_begin};
    const auto [at, added] = cells_.emplace(cell, results_.records.size());
    if (added)
      results_.records.push_back(r);
    else
      results_.records[at->second] = r;
  }
  template <class T>
  static void require_same(const std::string& path, const std::string& what, const T& first, const T& other) {
    if (first != other)
      throw Error(path, fmt::format("results with one {}: {}", what, first), fmt::format("{}", other),
                  "report them apart");
  }

  using Cell = std::tuple<std::string, std::string, std::string, std::string, Index, int, double, Index>;
  StoredResults results_;
  std::map<std::string, std::string> keys_, texts_;  // key: file; document: SHA-256 of its text
  std::map<std::string, Index> tails_;               // by task
  std::map<Cell, std::size_t> cells_;
};

}  // namespace

StoredResults read_results(const std::vector<std::string>& paths) {
  Merger merger;
  for (const std::string& path : paths) {
    const Contents contents = read_groups(path, read_whole(path));
    if (contents.groups.empty())
      throw Error(path, "a file of results", "none", "`ropewalk eval --out` writes such files");
    for (const Group& group : contents.groups) merger.add(path, group);
  }
  return merger.take();
}

}  // namespace ropewalk
