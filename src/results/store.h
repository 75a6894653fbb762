// SPDX-License-Identifier: Apache-2.0
/// A file of results: JSON lines that are only ever appended, so that a run killed at any moment goes on
/// without losing or repeating a finished item.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "results/record.h"

namespace ropewalk {

/// One item is one run of the model; its records are one group of lines with one key, written at once under a
/// lock and synced. Each line ends with "run": what differs from run to run, and the line's checksum: the
/// first 16 digits of the SHA-256 of the line as it is with an empty checksum.
class Store {
 public:
  /// Opens or makes the file and reads it. An unfinished group at the end (a run was killed there) is cut
  /// off. Errors: Error naming the line for a checksum that does not fit, or what is not such a file.
  explicit Store(std::string path);
  /// To append only, beside other processes: nothing is read or cut off.
  static Store appending(std::string path);
  ~Store();
  Store(Store&& other) noexcept;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  Store& operator=(Store&& other) noexcept;

  const std::vector<Record>* find(const std::string& key) const;
  /// Errors: Error when it cannot be written (full disk): what was there stays, and nothing half is added.
  void append(const std::string& key, const std::vector<Record>& records, const RunInfo& run);
  std::size_t n_cut() const { return n_cut_; }  ///< lines cut off when it was opened

 private:
  Store() = default;
  void read();
  std::string path_;
  int file_ = -1;
  std::size_t n_cut_ = 0;
  std::map<std::string, std::vector<Record>> groups_;
};

/// What a file holds, for reports.
struct StoredResults {
  std::vector<Record> records;
  RunInfo run;  ///< of the first record
};
/// Files of several machines or shards, without repeats; what was measured again with other settings counts
/// once, as it was measured last. Errors: Error (see Store), also for a file without a result, and where
/// model, precision, cache, trained length, tail or the text under one name differ.
StoredResults read_results(const std::vector<std::string>& paths);

}  // namespace ropewalk
