// SPDX-License-Identifier: Apache-2.0
#include "judge/record.h"

#include <cmath>
#include <filesystem>

#include "core/error.h"

namespace ropewalk {
namespace {

[[noreturn]] void fail_write(const std::string& path) {
  throw Error(path, "a file that can be written", "a write that failed",
              "does the folder exist, is the disk full?");
}

}  // namespace

Json to_json(const Record& r, const RunInfo& run) {
  Json j;
  j["task"] = r.task;
  j["method"] = r.method;
  j["resolved"] = r.resolved;
  j["document"] = r.document;
  j["length"] = r.length;
  j["achieved"] = r.achieved;
  if (r.position_end > 0) j["positions"] = {r.position_begin, r.position_end};
  j["n_targets"] = r.n_targets;
  // JSON has no NaN or infinity: null says that the loss is not a number.
  j["loss"] = std::isfinite(r.loss) ? Json(r.loss) : Json(nullptr);
  j["perplexity"] = std::isfinite(std::exp(r.loss)) ? Json(std::exp(r.loss)) : Json(nullptr);
  j["seconds"] = r.seconds;
  j["tokens_per_second"] = r.seconds > 0 ? static_cast<double>(r.achieved) / r.seconds : 0;
  j["shared"] = r.shared;
  j["tail"] = run.tail;
  j["n_ctx_train"] = run.n_ctx_train;
  j["model"] = run.model;
  j["model_id"] = run.model_id;
  j["text_id"] = run.text_id;
  j["precision"] = run.precision;
  j["isa"] = run.isa;
  j["threads"] = run.threads;
  j["version"] = run.version;
  return j;
}

RecordFile::RecordFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  require_writable(path_);
  file_ = std::fopen((path_ + ".part").c_str(), "wb");
  if (file_ == nullptr) fail_write(path_);
}

RecordFile::~RecordFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::remove((path_ + ".part").c_str());
}

void RecordFile::write(const Json& line) {
  if (file_ == nullptr) return;
  const std::string text = dump_json(line) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0)
    fail_write(path_);
}

void RecordFile::finish() {
  if (file_ == nullptr) return;
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!closed || std::rename((path_ + ".part").c_str(), path_.c_str()) != 0) {
    std::remove((path_ + ".part").c_str());
    fail_write(path_);
  }
}

void require_writable(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw Error(path, "the name of a file", "a folder");
  const std::string temporary = path + ".part";
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) fail_write(path);
  std::fclose(file);
  std::remove(temporary.c_str());
}

void write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".part";
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) fail_write(path);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::remove(temporary.c_str());
    fail_write(path);
  }
}

}  // namespace ropewalk
