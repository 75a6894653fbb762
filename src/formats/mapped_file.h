// SPDX-License-Identifier: Apache-2.0
/// A file mapped read-only.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace ropewalk {

class MappedFile {
 public:
  /// Errors: Error when it is missing, not a regular file, cannot be mapped, or is a Git LFS pointer to a
  /// file that was not fetched. An empty file maps to nothing.
  explicit MappedFile(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
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

}  // namespace ropewalk
