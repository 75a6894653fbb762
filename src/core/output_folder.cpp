// SPDX-License-Identifier: Apache-2.0
#include "core/output_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/output_file.h"

namespace rw {

namespace fs = std::filesystem;

namespace {

/// Beside `folder`, hidden, and called as nobody calls a folder of his own.
std::string beside(const std::string& folder, std::string_view ending) {
  const fs::path path(folder);
  return (path.parent_path() / fmt::format(".{}{}", path.filename().string(), ending)).string();
}

/// Whether two names now stand for each other's folders; else errno says why not.
bool exchange_names(const char* a, const char* b) {
#ifdef __APPLE__
  return ::renamex_np(a, b, RENAME_SWAP) == 0;
#else
  return ::renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
#endif
}

}  // namespace

std::string name_while_written(const std::string& folder) { return beside(folder, kEndWhileWritten); }
std::string name_set_aside(const std::string& folder) { return beside(folder, kEndSetAside); }

void return_set_aside(const std::string& folder) {
  std::error_code none;
  if (!fs::exists(fs::symlink_status(folder, none))) fs::rename(name_set_aside(folder), folder, none);
}

void replace_by_renames(const std::string& folder, const std::string& by) {
  const std::string aside = name_set_aside(folder);
  std::error_code error;
  fs::remove_all(aside, error);
  if (std::rename(folder.c_str(), aside.c_str()) != 0) fail_to_write(folder, errno);
  if (std::rename(by.c_str(), folder.c_str()) != 0) {
    const int why = errno;
    return_set_aside(folder);
    fail_to_write(folder, why);
  }
}

OutputFolder::OutputFolder(std::string folder, Existing existing) : folder_(std::move(folder)) {
  while (folder_.size() > 1 && folder_.ends_with('/')) folder_.pop_back();
  std::error_code error;
  if (existing == Existing::kRefused && fs::exists(fs::symlink_status(folder_, error)))
    throw Error(folder_, "the name of a new folder", "one that is there already",
                "name another, or take that one away");
  if (existing == Existing::kReplaced) return_set_aside(folder_);  // of a process that was killed
  temporary_ = name_while_written(folder_);
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

std::string OutputFolder::take_place() const {
  std::error_code none;
  if (!fs::exists(fs::symlink_status(folder_, none))) {
    if (std::rename(temporary_.c_str(), folder_.c_str()) != 0) fail_to_write(folder_, errno);
  } else if (exchange_names(temporary_.c_str(), folder_.c_str())) {
    return temporary_;
  } else if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) {
    replace_by_renames(folder_, temporary_);
    return name_set_aside(folder_);
  } else {
    fail_to_write(folder_, errno);
  }
  return {};
}

void OutputFolder::commit() {
  for (const auto& entry : fs::directory_iterator(temporary_)) sync_to_disk(entry.path().string());
  sync_to_disk(temporary_);
  const std::string set_aside = take_place();
  done_ = true;
  const fs::path above = fs::path(folder_).parent_path();
  sync_to_disk(above.empty() ? "." : above.string());
  std::error_code none;
  if (!set_aside.empty()) fs::remove_all(set_aside, none);  // the disk has the new one by its name
}

}  // namespace rw
