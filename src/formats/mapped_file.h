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

}  // namespace ropewalk
