// SPDX-License-Identifier: Apache-2.0
#include "core/output_file.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace ropewalk {
namespace {

/// Paths that a signal removes. Fixed memory: a handler may only read it and call unlink.
struct Slot {
  std::atomic<bool> used{false}, ready{false};
  char path[4096];
};
Slot slots[8];

extern "C" void remove_parts(int signal) {
  for (Slot& slot : slots)
    if (slot.ready) ::unlink(slot.path);
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// A free slot with this path, or -1: then a signal leaves the part behind.
int watch(const std::string& path) {
  static const bool installed = [] {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
      if (std::signal(signal, remove_parts) == SIG_IGN) std::signal(signal, SIG_IGN);  // nohup stays nohup
    return true;
  }();
  (void)installed;
  for (int s = 0; s < 8; ++s) {
    if (path.size() >= sizeof slots[s].path || slots[s].used.exchange(true)) continue;
    std::memcpy(slots[s].path, path.c_str(), path.size() + 1);
    slots[s].ready = true;
    return s;
  }
  return -1;
}

void forget(int slot) {
  if (slot < 0) return;
  slots[slot].ready = false;
  slots[slot].used = false;
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::file_status status = fs::status(path_, ignored);
  if (fs::is_directory(status)) throw Error(path_, "the name of a file", "a folder");
  if (!fs::exists(status) || fs::is_regular_file(status)) temporary_ = path_ + ".part";
  file_ = std::fopen((temporary_.empty() ? path_ : temporary_).c_str(), "wb");
  if (file_ == nullptr) fail();
  if (!temporary_.empty()) slot_ = watch(temporary_);
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) {
    std::fclose(file_);
    if (!temporary_.empty()) std::remove(temporary_.c_str());
  }
  forget(slot_);
}

void OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail();
}

void OutputFile::flush() {
  if (std::fflush(file_) != 0) fail();
}

void OutputFile::commit() {
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!temporary_.empty() && (!closed || std::rename(temporary_.c_str(), path_.c_str()) != 0)) {
    std::remove(temporary_.c_str());
    fail();
  }
  if (!closed) fail();
}

void OutputFile::fail() {
  throw Error(path_, "a file that can be written", "a write that failed",
              "does the folder exist, is the disk full?");
}

}  // namespace ropewalk
