// SPDX-License-Identifier: Apache-2.0
/// A file that appears whole or not at all.
#pragma once
#include <cstdio>
#include <string>
#include <string_view>

namespace rw {

/// What a symbolic link points to, there or not; a path that is none as it is.
std::string behind_links(std::string path);

/// Why `path` cannot be written: its folder is not there, or what `error` (an errno) says. Errors: Error,
/// always.
[[noreturn]] void fail_to_write(const std::string& path, int error);

/// Writes a file's or a folder's bytes through to the disk. Errors: Error.
void sync_to_disk(const std::string& path);

/// Takes PATH.part and the like away, which a killed process left; one that is being written is held by a
/// lock (flock) and stays. `own`: of first bytes, whether the part is one to take; else, and with anything in
/// it, it stays. REQUIRES: nobody else writes PATH now where the file system has no locks
/// (core/folder_lock.h).
void remove_parts_of(const std::string& path, bool (*own)(std::string_view first_bytes) = nullptr);

/// Writes PATH.part and renames it to PATH when told that it is complete. Else the part is removed: by the
/// destructor, or by a handler when SIGINT, SIGTERM or SIGHUP end the process, which then passes the signal
/// on to the handler that was there before. What is there and is no regular file (/dev/stdout, a pipe) is
/// written to directly, since a rename would replace it; of a symbolic link it is the file behind it that is
/// written.
class OutputFile {
 public:
  /// Errors: Error when it cannot be written.
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  /// Errors: Error.
  void write(std::string_view bytes);
  void flush();
  /// The file is complete: whole where this process, or any other, is killed. A power failure may leave an
  /// empty or a torn one, or take the one before. Errors: Error, and then nothing is left.
  void commit();
  /// The same, and a power failure leaves the old one or the new one: written through to the disk before it
  /// has its name. For what a later run goes on from, or leaves out since it is there; not for what is only
  /// read, such as a page, or is appended to step by step.
  void commit_to_disk();

 private:
  std::string path_, temporary_;  ///< temporary_ is empty when PATH itself is written
  int slot_ = -1;                 ///< of the handler's list
  std::FILE* file_ = nullptr;
};

}  // namespace rw
