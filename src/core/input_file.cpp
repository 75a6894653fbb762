// SPDX-License-Identifier: Apache-2.0
#include "core/input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace rw {
namespace {

constexpr int kWaitMs = 5000, kStepMs = 50;

struct stat about_standard_input() {
  struct stat about {};
  if (::fstat(STDIN_FILENO, &about) != 0) throw Error("-", "a readable file", std::strerror(errno));
  return about;
}

}  // namespace

struct stat require_readable(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0)
    throw Error(path, "a readable file", std::strerror(errno), "check the path");
  if (S_ISDIR(about.st_mode)) throw Error(path, "a file", "a folder", "name one of its files");
  if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode))
    throw Error(path, "a file or a pipe", "a device", "name a file, or - for standard input");
  return about;
}

InputFile::InputFile(std::string path) : path_(std::move(path)), file_(STDIN_FILENO) {
  const struct stat about = path_ == "-" ? about_standard_input() : require_readable(path_);
  regular_ = S_ISREG(about.st_mode);
  if (regular_) size_ = static_cast<std::size_t>(about.st_size);
  if (path_ == "-") return;
  // A regular file is never waited for: one that would have to be is none (/proc/kmsg).
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) throw Error(path_, "a readable file", std::strerror(errno), "check the path");
  if (regular_) return;
  try {
    await_writer();
  } catch (...) {
    ::close(file_);
    throw;
  }
  ::fcntl(file_, F_SETFL, 0);
}

InputFile::~InputFile() {
  if (path_ != "-") ::close(file_);
}

/// A pipe tells nobody yet from nobody any more by POLLHUP only, and nobody from somebody slow by a read.
void InputFile::await_writer() {
  for (int waited = 0; waited < kWaitMs; waited += kStepMs) {
    pollfd pipe{file_, POLLIN, 0};
    if (::poll(&pipe, 1, kStepMs) != 0) return;
    char byte = 0;
    const ssize_t n = ::read(file_, &byte, 1);
    if (n > 0) first_ = byte;
    if (n != 0) return;
  }
  throw Error(path_, "a pipe that is being written", "nobody who writes to it, in five seconds",
              "start what writes it first");
}

bool InputFile::read(std::string& bytes, std::size_t most) {
  const std::size_t had = bytes.size();
  if (!first_.empty() && most > 0) {
    bytes += std::exchange(first_, "");
    return true;
  }
  bytes.resize(had + most);
  ssize_t n = 0;
  do n = ::read(file_, bytes.data() + had, most);
  while (n < 0 && errno == EINTR);
  bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0 && errno == EAGAIN && regular_)
    throw Error(path_, "a file with an end", "one that waits for more", "name a file, or - for a pipe");
  if (n < 0) throw Error(path_, "a readable file", std::strerror(errno), "check the disk");
  return n > 0;
}

}  // namespace rw
