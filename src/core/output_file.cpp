// SPDX-License-Identifier: Apache-2.0
#include "core/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <iterator>

#include "core/bytes.h"
#include "core/error.h"

namespace rw {
namespace {

constexpr int kMostParts = 100;

/// Paths that a signal removes. Fixed memory: a handler may only read it and call unlink.
struct Slot {
  std::atomic<bool> used{false}, ready{false};
  char path[4096];
};
Slot slots[8];

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
struct sigaction before[3];  // who is to have the signal next, in the order of kSignals

extern "C" void remove_parts(int signal) {
  for (Slot& slot : slots)
    if (slot.ready) ::unlink(slot.path);
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    if (kSignals[i] == signal) ::sigaction(signal, &before[i], nullptr);
  ::raise(signal);  // comes when this handler has returned
}

/// A free slot with this path, or -1: then a signal leaves the part behind.
int watch(const std::string& path) {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_handler = remove_parts;
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
      ::sigaction(kSignals[i], &action, &before[i]);
      if (before[i].sa_handler == SIG_IGN)  // nohup stays nohup
        ::sigaction(kSignals[i], &before[i], nullptr);
    }
    return true;
  }();
  (void)installed;
  for (int s = 0; s < 8; ++s) {
    if (path.size() >= sizeof slots[s].path || slots[s].used.exchange(true)) continue;
    copy_bytes(slots[s].path, path.c_str(), path.size() + 1);
    slots[s].ready = true;
    return s;
  }
  return -1;
}

void forget(int slot) {
  if (slot < 0) return;
  slots[slot].ready = false;
  slots[slot].used = false;
}

/// A named pipe that somebody reads, or will in five seconds: an open would wait for ever.
std::FILE* open_pipe(const std::string& path) {
  int file = -1;
  for (int wait = 0; wait < 100; ++wait) {
    file = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (file >= 0 || errno != ENXIO) break;
    ::usleep(50000);
    errno = ENXIO;
  }
  if (file < 0 && errno == ENXIO)
    throw Error(path, "a file, or a pipe that is being read", "a pipe without a reader",
                "start what reads it first");
  if (file < 0 || ::fcntl(file, F_SETFL, O_WRONLY) != 0) return nullptr;
  return ::fdopen(file, "wb");
}

}  // namespace

std::string behind_links(std::string path) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (int n = 0; n < 40 && fs::is_symlink(path, error); ++n)  // as many as the system follows
    path = (fs::path(path).parent_path() / fs::read_symlink(path, error)).string();
  return path;
}

[[noreturn]] void fail_to_write(const std::string& path, int error) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code none;
  if (!folder.empty() && !std::filesystem::exists(folder, none))
    throw Error(path, "a file that can be written", fmt::format("no folder {}", folder.string()),
                "make the folder first");
  throw Error(path, "a file that can be written", error != 0 ? std::strerror(error) : "a write that failed",
              error == ENOSPC  ? "make room on the disk"
              : error == EFBIG ? "files may not be that large here: ulimit -f, or the file system"
                               : "may you write there, is the disk full?");
}

void sync_to_disk(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail_to_write(path, errno);
  const bool synced = ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  // Some file systems know no fsync of a folder.
  if (!synced && error != EINVAL && error != EROFS) fail_to_write(path, error);
}

namespace {

std::string part_of(const std::string& path, int i) {
  return path + (i == 0 ? ".part" : fmt::format(".part{}", i));
}

/// Whether a killed process left it: nobody holds it, and it is one to take.
bool is_left(const std::string& part, bool (*own)(std::string_view)) {
  const int file = ::open(part.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return false;
  const bool held = ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  char first[64];
  const ssize_t n = own == nullptr ? 0 : ::read(file, first, sizeof first);
  ::close(file);
  return !held && (n == 0 || (n > 0 && own({first, static_cast<std::size_t>(n)})));
}

}  // namespace

void remove_parts_of(const std::string& path, bool (*own)(std::string_view)) {
  namespace fs = std::filesystem;
  std::error_code none;
  for (int i = 0; i < kMostParts; ++i) {
    const std::string part = part_of(path, i);
    if (!fs::is_regular_file(fs::symlink_status(part, none))) return;
    if (is_left(part, own)) fs::remove(part, none);
  }
}

/// A new file beside `path`; a file of that name stays what it is. Its name goes to `name`.
std::FILE* open_part(const std::string& path, std::string& name) {
  int file = -1;
  for (int i = 0; i < kMostParts && file < 0; ++i) {
    name = part_of(path, i);
    file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0 && errno != EEXIST) break;
  }
  if (file < 0) return nullptr;
  (void)::flock(file, LOCK_EX | LOCK_NB);  // told to remove_parts_of; not every file system has locks
  return ::fdopen(file, "wb");
}

OutputFile::OutputFile(std::string path) : path_(behind_links(std::move(path))) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::file_status status = fs::status(path_, ignored);
  if (fs::is_directory(status)) throw Error(path_, "the name of a file", "a folder");
  const bool replaces = !fs::exists(status) || fs::is_regular_file(status);
  file_ = replaces              ? open_part(path_, temporary_)
          : fs::is_fifo(status) ? open_pipe(path_)
                                : std::fopen(path_.c_str(), "wb");
  if (file_ == nullptr) fail_to_write(path_, errno);
  if (!temporary_.empty()) slot_ = watch(temporary_);
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) {
    std::fclose(file_);
    if (!temporary_.empty()) std::remove(temporary_.c_str());
  }
  forget(slot_);
}

void OutputFile::write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail_to_write(path_, errno);
}

void OutputFile::flush() {
  if (std::fflush(file_) != 0) fail_to_write(path_, errno);
}

void OutputFile::commit_to_disk() {
  flush();
  if (!temporary_.empty() && ::fsync(::fileno(file_)) != 0 && errno != EINVAL && errno != EROFS)
    fail_to_write(path_, errno);
  const bool renamed = !temporary_.empty();
  commit();
  const std::filesystem::path above = std::filesystem::path(path_).parent_path();
  if (renamed) sync_to_disk(above.empty() ? "." : above.string());
}

void OutputFile::commit() {
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!temporary_.empty() && (!closed || std::rename(temporary_.c_str(), path_.c_str()) != 0)) {
    const int error = errno;
    std::remove(temporary_.c_str());
    fail_to_write(path_, error);
  }
  if (!closed) fail_to_write(path_, errno);
}

}  // namespace rw
