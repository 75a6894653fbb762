// SPDX-License-Identifier: Apache-2.0
/// One measurement, and the file of JSON lines that holds them.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/types.h"

namespace ropewalk {

/// What one model made of one document at one length under one method.
struct Record {
  std::string task;      ///< "tail", "positions"
  std::string method;    ///< as asked for; "none (truncated)" and "last 64 tokens" are baselines
  std::string resolved;  ///< with every default filled in
  std::string document;
  Index length = 0;                            ///< tokens asked for
  Index achieved = 0;                          ///< tokens read
  Index position_begin = 0, position_end = 0;  ///< positions: the bucket [begin, end)
  Index n_targets = 0;
  double loss = 0;  ///< mean nats per target
  double seconds = 0;
  bool shared = false;  ///< the same plan was run under another name; not run again
};

/// What all records of one run have in common.
struct RunInfo {
  std::string version, model, model_id, text_id, precision, isa, command;
  Index n_ctx_train = 0, tail = 0;
  int threads = 0;
};

Json to_json(const Record& record, const RunInfo& run);

/// Appends lines to PATH.part and renames it when finished, so that nothing half-written is left behind.
class RecordFile {
 public:
  /// Errors: Error when it cannot be written. An empty path: writes nothing.
  explicit RecordFile(std::string path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;
  void write(const Json& line);
  void finish();

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
};

/// Finds out before the work that a file could not be written after it. Errors: Error. Leaves nothing behind.
void require_writable(const std::string& path);
/// Writes a whole text through a temporary sibling. Errors: Error.
void write_file(const std::string& path, const std::string& text);

}  // namespace ropewalk
