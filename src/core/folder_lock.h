// SPDX-License-Identifier: Apache-2.0
/// A folder that one run at a time writes to.
#pragma once
#include <string>

namespace rw {

/// Holds FOLDER/.lock (flock) as long as it lives; the kernel lets it go where the process is killed, and
/// then the empty file stays. Else the file is taken away. A file system that has no locks is told on
/// standard error, and the work goes on. One thread.
class FolderLock {
 public:
  /// REQUIRES: the folder is there. Errors: Error where another holds it, in this process too, or the file
  /// cannot be made.
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::string path_;
  int file_ = -1;
};

}  // namespace rw
