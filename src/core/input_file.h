// SPDX-License-Identifier: Apache-2.0
/// An open file of the user's, in bytes.
#pragma once
#include <sys/stat.h>

#include <cstddef>
#include <string>

namespace rw {

/// A regular file, a named pipe that somebody writes to (or will within five seconds), or standard input
/// ("-"). What is neither has no end, or no bytes. Not for several threads at once.
class InputFile {
 public:
  /// Errors: Error for a folder, a device, a pipe without a writer, and what cannot be opened.
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  bool regular() const { return regular_; }
  std::size_t size() const { return size_; }  ///< bytes of a regular file; else 0
  /// Appends at most `most` bytes to `bytes`; false at the end. Errors: Error for a disk that fails, and for
  /// a file that waits for more (/proc/kmsg).
  bool read(std::string& bytes, std::size_t most);

 private:
  void await_writer();
  std::string path_, first_;  ///< first_: read while it was seen whether somebody writes
  int file_ = 0;
  bool regular_ = false;
  std::size_t size_ = 0;
};

/// What is at `path`. Errors: Error for a folder or a device: only what has an end is read.
struct stat require_readable(const std::string& path);

}  // namespace rw
