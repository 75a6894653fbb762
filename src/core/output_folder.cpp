// SPDX-License-Identifier: Apache-2.0
#include "core/output_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/output_file.h"

namespace ropewalk {

namespace fs = std::filesystem;

void sync_to_disk(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail_to_write(path, errno);
  const bool synced = ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  // Some file systems know no fsync of a folder.
  if (!synced && error != EINVAL && error != EROFS) fail_to_write(path, error);
}

void return_set_aside(const std::string& folder) {
  std::error_code none;
  if (!fs::exists(fs::symlink_status(folder, none))) fs::rename(folder + ".old", folder, none);
}

void replace_by_renames(const std::string& folder, const std::string& by) {
  const std::string aside = folder + ".old";
  std::error_code error;
  fs::remove_all(aside, error);
  if (std::rename(folder.c_str(), aside.c_str()) != 0) fail_to_write(folder, errno);
  if (std::rename(by.c_str(), folder.c_str()) != 0) {
    const int why = errno;
    return_set_aside(folder);
    fail_to_write(folder, why);
  }
  fs::remove_all(aside, error);
}

OutputFolder::OutputFolder(std::string folder, Existing existing) : folder_(std::move(folder)) {
  while (folder_.size() > 1 && folder_.ends_with('/')) folder_.pop_back();
  std::error_code error;
  if (existing == Existing::kRefused && fs::exists(fs::symlink_status(folder_, error)))
    throw Error(folder_, "the name of a new folder", "one that is there already",
                "name another, or take that one away");
  temporary_ = folder_ + ".tmp";
  fs::remove_all(temporary_, error);  // of a process that was killed
  if (error) fail_to_write(temporary_, error.value());
  if (!fs::create_directory(temporary_, error)) fail_to_write(temporary_, error.value());
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!done_) fs::remove_all(temporary_, ignored);
}

std::string OutputFolder::file(std::string_view name) const { return fmt::format("{}/{}", temporary_, name); }

void OutputFolder::write(std::string_view name, std::string_view bytes) const {
  OutputFile out(file(name));
  out.write(bytes);
  out.commit();
}

void OutputFolder::take_place() const {
  std::error_code none;
  if (!fs::exists(fs::symlink_status(folder_, none))) {
    if (std::rename(temporary_.c_str(), folder_.c_str()) != 0) fail_to_write(folder_, errno);
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(temporary_, none);
  } else if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) {
    replace_by_renames(folder_, temporary_);
  } else {
    fail_to_write(folder_, errno);
  }
}

void OutputFolder::commit() {
  for (const auto& entry : fs::directory_iterator(temporary_)) sync_to_disk(entry.path().string());
  sync_to_disk(temporary_);
  take_place();
  done_ = true;
  const fs::path above = fs::path(folder_).parent_path();
  sync_to_disk(above.empty() ? "." : above.string());
}

}  // namespace ropewalk
