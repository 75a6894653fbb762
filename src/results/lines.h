// SPDX-License-Identifier: Apache-2.0
/// The bytes of a file of results: JSON lines in groups, each line with its checksum.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "results/record.h"

namespace rw {

/// Every line begins so; what does not was written by somebody else.
inline constexpr std::string_view kLineStart = R"({"ropewalk":1,"task":")";

/// The lines of one item. A line's checksum is the first 16 digits of the SHA-256 of the line as it is with
/// an empty checksum.
std::string lines_of(const std::string& key, const std::vector<Record>& records, const RunInfo& run);

struct ResultGroup {
  std::string key;
  std::vector<Record> records;
  std::size_t n = 0;  ///< that it should have
  RunInfo run;        ///< of its first line
};

struct ResultLines {
  std::vector<ResultGroup> groups;
  std::size_t good = 0;     ///< bytes up to the last whole group
  std::size_t n_lines = 0;  ///< in them
  std::size_t n_cut = 0;  ///< lines behind it: of an item that was being written when its process was killed
};

/// `bytes`: a file's, from the start of a group, behind `lines_before` lines. What stands behind
/// the last whole group must be what a killed process leaves: whole lines of one group, then the beginning of
/// a line. Such a beginning is told by kLineStart (a part of which is enough only behind a whole group) and
/// by being the beginning of one JSON object, up to its last byte. Errors: Error naming the line, for
/// anything else.
ResultLines read_lines(const std::string& path, std::string_view bytes, std::size_t lines_before = 0);

/// A regular file's bytes from `offset` on; "-" is standard input, whole. Errors: Error, also for a device, a
/// pipe or a folder, which may have no end.
std::string read_results_file(const std::string& path, std::size_t offset = 0);

}  // namespace rw
