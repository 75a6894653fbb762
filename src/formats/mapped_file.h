// SPDX-License-Identifier: Apache-2.0
/// A file mapped read-only, and advice to the system about parts of it.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace rw {

class MappedFile {
 public:
  /// Errors: Error when it is missing, not a regular file, cannot be mapped, or is a Git LFS pointer to a
  /// file that was not fetched. An empty file maps to nothing.
  explicit MappedFile(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  bool holds(std::span<const std::byte> part) const;

  // Of a part of bytes(), whole pages; any thread. None of these changes what is read there: advice that the
  // system does not take costs time and nothing else.
  /// Begins to read it from the disk, and returns.
  void ask(std::span<const std::byte> part) const;
  /// Reads it; returns when it is in memory.
  void fetch(std::span<const std::byte> part) const;
  /// Its memory is free; the pages that it has in common with others stay, and those that another process
  /// has mapped.
  void drop(std::span<const std::byte> part) const;

 private:
  int fd_ = -1;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// While it lives, pages of these mapped bytes are read one by one: without it each page that is touched
/// brings megabytes of its neighbours along. Bytes that are not mapped are none the worse.
class SinglePages {
 public:
  explicit SinglePages(std::span<const std::byte> bytes);
  SinglePages(const SinglePages&) = delete;
  SinglePages& operator=(const SinglePages&) = delete;
  ~SinglePages();

 private:
  void advise(int advice) const;
  std::span<const std::byte> bytes_;
};

}  // namespace rw
