// SPDX-License-Identifier: Apache-2.0
/// A folder that appears whole or not at all, a power failure included.
#pragma once
#include <string>
#include <string_view>

namespace ropewalk {

/// Files are written into FOLDER.tmp, beside it. commit() writes each file and the folder through to the
/// disk, renames it to FOLDER, and writes the folder above through. Else the temporary folder is removed by
/// the destructor; a killed process leaves it, and the next one of that name replaces it. One thread.
class OutputFolder {
 public:
  /// Errors: Error where `folder` is there already, or cannot be made.
  explicit OutputFolder(std::string folder);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Where a file of that name is written until commit().
  std::string file(std::string_view name) const;
  /// A small file at once. Errors: Error.
  void write(std::string_view name, std::string_view bytes) const;
  /// Errors: Error, and then nothing is left.
  void commit();

 private:
  std::string folder_, temporary_;
  bool done_ = false;
};

/// Writes a file's or a folder's bytes through to the disk. Errors: Error.
void sync_to_disk(const std::string& path);

}  // namespace ropewalk
