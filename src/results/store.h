// SPDX-License-Identifier: Apache-2.0
/// A file of results: JSON lines that are only ever appended, so that a run killed at any moment goes on
/// without losing or repeating a finished item.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "results/lines.h"

namespace rw {

/// One item is one run of the model; its records are one group of lines with one key, written at once under a
/// lock and synced. Opening reads and never writes: the file is made by the first append(), which also cuts
/// off what a killed process left behind the last whole group. Not thread-safe; processes may share a file.
class Store {
 public:
  /// Reads the file, if there is one. Errors: Error naming the line for anything that is not a line of
  /// results or the torn end of one; for what is no regular file; where a file could not be written.
  explicit Store(std::string path);
  ~Store();
  Store(Store&& other) noexcept;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  Store& operator=(Store&& other) noexcept;

  const std::vector<Record>* find(const std::string& key) const;
  /// Errors: Error when it cannot be written (full disk), or when something else was written to the file
  /// meanwhile: what was there stays, and nothing half is added.
  void append(const std::string& key, const std::vector<Record>& records, const RunInfo& run);
  /// Errors: Error where the file's results were measured in another way than `run`, so that no report could
  /// show both; `uses_tail`: whether the run's tasks depend on the tail.
  void require_alike(const RunInfo& run, bool uses_tail) const;
  /// `texts`: a run's documents by name, with their SHA-256. Errors: Error where the file has another text
  /// under one of these names: they would be taken for one document, and no report shows both.
  void require_texts(const std::map<std::string, std::string>& texts) const;
  /// The same of questions of files: by name, with Record::question_id. Whatever --prompts makes of them.
  void require_questions(const std::map<std::string, std::string>& questions) const;
  /// Of another engine's run. Errors: Error where the file's results of that task and name are of another
  /// one, or were asked for in another way.
  void require_engine(const std::string& task, const std::string& method, const std::string& resolved) const;
  /// n of the shards k/n that its results are of, the greatest; 0: they are of none.
  int n_shards() const;
  std::size_t size() const { return groups_.size(); }  ///< items that it has
  std::size_t n_cut() const { return n_cut_; }         ///< lines that the first append() cuts off

 private:
  void open();
  void read_on();
  std::string path_;
  int file_ = -1;                       // opened by the first append()
  std::size_t good_ = 0, n_lines_ = 0;  // bytes and lines that have been read, up to the last whole group
  std::size_t n_cut_ = 0;
  std::map<std::string, std::vector<Record>> groups_;
  std::map<std::string, RunInfo> runs_;  // by key
};

/// Methods in the order in which they were asked for, plain RoPE first: several processes write theirs as
/// they finish, and a plan has its own order.
void order_methods(std::vector<Record>& records);

/// What a file holds, for reports.
struct StoredResults {
  std::vector<Record> records;
  RunInfo run;  ///< of the first record
  std::size_t n_cut =
      0;  ///< lines at the end of a file that are not whole, or of an item that is not: left out
  std::size_t n_again =
      0;  ///< results of other settings (more tokens written, say) that a later one replaced
};
/// Files of several machines or shards, without repeats; what was measured again with other settings counts
/// once, as it was measured last; a text under two names is one, under the first. Errors: Error (see Store),
/// also for a file without a result, and where model, precision, cache, trained length, tail or the text
/// under one name differ.
StoredResults read_results(const std::vector<std::string>& paths);

}  // namespace rw
