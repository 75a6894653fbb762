// SPDX-License-Identifier: Apache-2.0
#include "formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/error.h"
#include "core/option.h"

#if defined(__linux__) && !defined(MADV_POPULATE_READ)
#define MADV_POPULATE_READ 22  // of Linux 5.14; the C library may be older
#endif

namespace rw {
namespace {

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

/// Whole pages. madvise takes no const, and writes nothing here.
struct Pages {
  std::byte* begin;
  std::size_t size;
};

/// Those at both ends of it too. The last one is the system's to round up.
Pages pages_around(std::span<const std::byte> part) {
  if (part.empty()) return {nullptr, 0};
  const std::size_t before = reinterpret_cast<std::uintptr_t>(part.data()) % page_size();
  return {const_cast<std::byte*>(part.data()) - before, before + part.size()};
}

/// Those that hold nothing else.
Pages pages_inside(std::span<const std::byte> part) {
  const std::size_t before =
      (page_size() - reinterpret_cast<std::uintptr_t>(part.data()) % page_size()) % page_size();
  if (part.size() < before) return {nullptr, 0};
  return {const_cast<std::byte*>(part.data()) + before, (part.size() - before) / page_size() * page_size()};
}

/// Reads them, and waits.
void populate(const Pages& pages) {
#ifdef MADV_POPULATE_READ
  if (pages.size == 0 || ::madvise(pages.begin, pages.size, MADV_POPULATE_READ) == 0) return;
#endif
  for (std::size_t i = 0; i < pages.size; i += page_size()) {  // Linux before 5.14, macOS
    [[maybe_unused]] const unsigned char touched =
        *reinterpret_cast<const volatile unsigned char*>(pages.begin + i);
  }
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    throw Error(path, "a readable file", std::strerror(errno),
                option("name a file or folder that is here: nothing is fetched",
                       path.find("://") == std::string::npos
                           ? "check the path"
                           : "of servers only `ropewalk eval` asks, other engines"));
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  void* data = nullptr;
  if (regular && info.st_size > 0)
    data = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  const int why = errno;
  if (!regular || data == MAP_FAILED) ::close(fd);
  if (!regular) throw Error(path, "a regular file", "something else");
  if (data == MAP_FAILED) throw Error(path, "a file that can be mapped", std::strerror(why));
  fd_ = fd, data_ = data;
  size_ = static_cast<std::size_t>(info.st_size);
  constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";
  if (size_ < 1024 && std::string_view(static_cast<const char*>(data_), size_).starts_with(kPointer)) {
    ::munmap(data_, size_), ::close(fd_);
    throw Error(path, "the file itself", "a Git LFS pointer to it", "`git lfs pull` fetches it");
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
  ::close(fd_);
}

bool MappedFile::holds(std::span<const std::byte> part) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(data_),
             at = reinterpret_cast<std::uintptr_t>(part.data());
  return at >= begin && at - begin <= size_ && part.size() <= size_ - (at - begin);
}

/// In pieces: the system cuts what is asked for at once to what it reads ahead (Linux: 128 KiB by default).
void MappedFile::ask(std::span<const std::byte> part) const {
  constexpr std::size_t kPiece = 128 << 10;
  const Pages pages = pages_around(part);
  for (std::size_t at = 0; at < pages.size; at += kPiece)
    ::madvise(pages.begin + at, std::min(kPiece, pages.size - at), MADV_WILLNEED);
}

/// In huge pages, where the system has them for files: those are read 2 MiB at a time whatever the system
/// reads ahead, and come and go at a twentieth of the processor time (0.02 s for a gigabyte, where single
/// pages take 0.35 to come and 0.2 to go). What is left at both ends is asked for as it is, so that no
/// neighbours come.
void MappedFile::fetch(std::span<const std::byte> part) const {
  constexpr std::size_t kHuge = 2 << 20;
  const auto at = static_cast<std::size_t>(part.data() - static_cast<const std::byte*>(data_));
  const std::size_t before = std::min(part.size(), (kHuge - at % kHuge) % kHuge),
                    inside = (part.size() - before) / kHuge * kHuge;
  for (const auto end : {part.first(before), part.subspan(before + inside)}) {
    ask(end);
    populate(pages_around(end));
  }
  const Pages huge = pages_around(part.subspan(before, inside));
#ifdef MADV_HUGEPAGE
  if (inside > 0) ::madvise(huge.begin, huge.size, MADV_HUGEPAGE);
#endif
  populate(huge);
}

void MappedFile::drop(std::span<const std::byte> part) const {
  const Pages pages = pages_inside(part);
  if (pages.size == 0) return;
  ::madvise(pages.begin, pages.size, MADV_DONTNEED);
#ifdef POSIX_FADV_DONTNEED
  ::posix_fadvise(fd_, pages.begin - static_cast<std::byte*>(data_), static_cast<off_t>(pages.size),
                  POSIX_FADV_DONTNEED);
#endif
}

SinglePages::SinglePages(std::span<const std::byte> bytes) : bytes_(bytes) { advise(MADV_RANDOM); }

SinglePages::~SinglePages() { advise(MADV_NORMAL); }

void SinglePages::advise(int advice) const {
  if (bytes_.empty()) return;
  const Pages pages = pages_around(bytes_);
  ::madvise(pages.begin, pages.size, advice);
}

}  // namespace rw
