// SPDX-License-Identifier: Apache-2.0
#include "results/lines.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "core/error.h"
#include "core/hash.h"
#include "core/option.h"
#include "core/text_file.h"

namespace rw {
namespace {

constexpr std::size_t kChecksumDigits = 16;
constexpr std::string_view kChecksum = R"("checksum":")", kEnd = "\"}}\n";

std::string checksum(std::string_view before) {
  return sha256(std::string(before) + std::string(kEnd)).substr(0, kChecksumDigits);
}

/// `line` ends with its newline. Whether it is as it was written; an editor may have left \r\n at its end:
/// what the checksum covers is the same.
bool intact(std::string_view line) {
  if (line.ends_with("\r\n")) return intact(std::string(line.substr(0, line.size() - 2)) + "\n");
  const std::size_t tail = kChecksum.size() + kChecksumDigits + kEnd.size();
  if (line.size() < tail || line.substr(line.size() - kEnd.size()) != kEnd) return false;
  const std::size_t at = line.size() - kEnd.size() - kChecksumDigits;
  return line.substr(at - kChecksum.size(), kChecksum.size()) == kChecksum &&
         line.substr(at, kChecksumDigits) == checksum(line.substr(0, at));
}

/// Whether bytes without a newline are a line of ours that was cut off. A parser that is given the beginning
/// of an object fails behind its last byte, and nowhere else. NUL bytes at the end are blocks that a machine
/// which lost its power had no time to fill.
bool torn(std::string_view tail, bool whole_before) {
  tail = tail.substr(0, tail.find_last_not_of('\0') + 1);
  if (tail.empty()) return whole_before;
  const std::string_view start = tail.substr(0, kLineStart.size());
  if (start.size() < kLineStart.size() ? !whole_before : false) return false;
  if (start != kLineStart.substr(0, start.size())) return false;
  std::size_t failed_at = 0;
  try {
    [[maybe_unused]] const JsonInput whole = JsonInput::parse(tail.begin(), tail.end());
    return intact(std::string(tail) + "\n");
  } catch (const JsonInput::parse_error& e) {
    failed_at = e.byte;
  }
  return failed_at > tail.size();
}

std::size_t count_of_lines(const JsonInput& j, const char* key) {
  if (!j.at(key).is_number_unsigned()) throw std::out_of_range(key);
  return j.at(key).get<std::size_t>();
}

/// Reads lines one by one.
class Reader {
 public:
  Reader(const std::string& path, std::string_view bytes, std::size_t lines_before)
      : path_(path), bytes_(bytes), lines_before_(lines_before), number_(lines_before) {}

  ResultLines read() {
    for (std::size_t at = 0; at < bytes_.size();) {
      ++number_;
      const std::size_t newline = bytes_.find('\n', at);
      if (newline == std::string_view::npos) {
        if (!torn(bytes_.substr(at), number_ > 1)) throw foreign();
        ++lines_.n_cut;
        return std::move(lines_);
      }
      const std::string_view line = bytes_.substr(at, newline + 1 - at);
      const bool blank =
          number_ > 1 && open_.records.empty() && (line == "\n" || line == "\r\n");  // an editor's
      if (!blank) add(line);
      at = newline + 1;
      if (!blank && open_.records.size() < open_.n) continue;
      if (!blank) lines_.groups.push_back(std::move(open_));
      open_ = {};
      lines_.good = at, lines_.n_lines = number_ - lines_before_, lines_.n_cut = 0;
    }
    return std::move(lines_);
  }

 private:
  std::string place() const { return fmt::format("{}:{}", path_, number_); }
  Error foreign() const {
    return {place(), "a line of results as ropewalk wrote it", "something else",
            "nothing was changed; " + option("give a file that evaluate or tune wrote as their store",
                                             "give a file that --out of eval, questions or tune wrote, or to "
                                             "--out a new name")};
  }
  Error bad(const std::string& found) const {
    return {place(), "a line of results as ropewalk wrote it", found,
            "delete this line and those with the same key; they will be measured again"};
  }

  void add(std::string_view line) {
    if (!intact(line)) {
      if (line.substr(0, kLineStart.size()) != kLineStart) throw foreign();
      throw bad("a checksum that does not fit: the line was changed");
    }
    try {
      const JsonInput j = parse_json(line, path_);
      const std::string key = j.at("key").get<std::string>();
      if (open_.records.empty()) open_ = {key, {}, count_of_lines(j, "of"), run_info_from(j)};
      if (key != open_.key || count_of_lines(j, "index") != open_.records.size())
        throw bad("a line that does not follow the one before");
      open_.records.push_back(record_from(j));
      const std::optional<double> score = open_.records.back().score;
      if (score && !(*score >= 0 && *score <= 1)) throw bad("a score outside of 0 to 1");
    } catch (const nlohmann::json::exception&) {
      throw bad("fields that are missing");
    } catch (const std::out_of_range& e) {
      throw bad(fmt::format("{} that counts nothing", e.what()));
    }
    ++lines_.n_cut;
  }

  const std::string& path_;
  std::string_view bytes_;
  const std::size_t lines_before_;
  std::size_t number_;  // of the line being read, from 1
  ResultLines lines_;
  ResultGroup open_;
};

}  // namespace

std::string lines_of(const std::string& key, const std::vector<Record>& records, const RunInfo& run) {
  std::string lines;
  for (std::size_t i = 0; i < records.size(); ++i) {
    Json j{{"ropewalk", 1}};
    j.update(to_json(records[i], run));
    j["key"] = key, j["index"] = i, j["of"] = records.size();
    j["run"] = cost_json(records[i], run);
    j["run"]["checksum"] = "";
    std::string line = dump_json(j) + "\n";
    const std::size_t at = line.size() - kEnd.size();
    line.insert(at, checksum(std::string_view(line).substr(0, at)));
    lines += line;
  }
  return lines;
}

ResultLines read_lines(const std::string& path, std::string_view bytes, std::size_t lines_before) {
  return Reader(path, bytes, lines_before).read();
}

std::string read_results_file(const std::string& path, std::size_t offset) {
  if (path == "-") return read_bytes(path);
  std::error_code none;
  const std::filesystem::file_status status = std::filesystem::status(path, none);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw Error(path, "a file of results",
                std::filesystem::is_directory(status) ? "a folder" : "no regular file",
                "give the name of a file");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(path, "a file of results", std::strerror(errno), "check the path");
  in.seekg(static_cast<std::streamoff>(offset));
  std::ostringstream bytes;
  if (in.peek() != std::ifstream::traits_type::eof()) bytes << in.rdbuf();
  if (in.bad())
    throw Error(path, "a file that can be read to its end", std::strerror(errno), "check the disk");
  return bytes.str();
}

}  // namespace rw
