// SPDX-License-Identifier: Apache-2.0
/// A folder that appears whole or not at all, a power failure included.
#pragma once
#include <string>
#include <string_view>

namespace rw {

/// What becomes of a folder of that name that is there already.
enum class Existing { kRefused, kReplaced };

/// Files are written into a hidden folder beside it, .NAME.ropewalk-new. commit() writes each file and the
/// folder through to the disk, renames it to FOLDER, and writes the folder above through. Else the temporary
/// folder is removed by the destructor; a killed process leaves it, and the next one of that name replaces
/// it. One thread.
///
/// One that is replaced stays as it is until commit(), which swaps both in one step, and takes it away when
/// the disk has the new one. Where a file system cannot swap (NFS), it is .NAME.ropewalk-old for a moment,
/// and a process that is killed then leaves it by that name: the next one that replaces FOLDER gives it its
/// own again. REQUIRES: nobody else writes FOLDER meanwhile (core/folder_lock.h).
class OutputFolder {
 public:
  /// Errors: Error where `folder` is there already and `existing` does not replace it, or it cannot be made.
  explicit OutputFolder(std::string folder, Existing existing = Existing::kRefused);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Where a file of that name is written until commit().
  std::string file(std::string_view name) const;
  /// A small file at once. Errors: Error.
  void write(std::string_view name, std::string_view bytes) const;
  /// Errors: Error, and then nothing new is left.
  void commit();

 private:
  std::string take_place() const;  // the path of what was there before; empty: nothing
  std::string folder_, temporary_;
  bool done_ = false;
};

/// Names that are ours alone: of FOLDER while it is written, and of one that is set aside.
inline constexpr std::string_view kEndWhileWritten = ".ropewalk-new", kEndSetAside = ".ropewalk-old";
std::string name_while_written(const std::string& folder);
std::string name_set_aside(const std::string& folder);

/// Gives what was set aside its name again where there is no FOLDER.
void return_set_aside(const std::string& folder);

/// Two renames in place of one swap: `folder` is set aside, and `by` takes its name. Errors: Error, and
/// `folder` has its name again.
void replace_by_renames(const std::string& folder, const std::string& by);

}  // namespace rw
