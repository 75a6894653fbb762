// SPDX-License-Identifier: Apache-2.0
#include "formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/error.h"

namespace ropewalk {

MappedFile::MappedFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw Error(path, "a readable file", std::strerror(errno), "check the path");
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  void* data = nullptr;
  if (regular && info.st_size > 0)
    data = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (!regular) throw Error(path, "a regular file", "something else");
  if (data == MAP_FAILED) throw Error(path, "a file that can be mapped", std::strerror(errno));
  data_ = data;
  size_ = static_cast<std::size_t>(info.st_size);
  constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";
  if (size_ < 1024 && std::string_view(static_cast<const char*>(data_), size_).starts_with(kPointer)) {
    ::munmap(data_, size_);
    throw Error(path, "the file itself", "a Git LFS pointer to it", "`git lfs pull` fetches it");
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

SinglePages::SinglePages(std::span<const std::byte> bytes) : bytes_(bytes) { advise(MADV_RANDOM); }

SinglePages::~SinglePages() { advise(MADV_NORMAL); }

/// Whole pages, those at both ends too. Only advice: a refusal costs time and nothing else.
void SinglePages::advise(int advice) const {
  if (bytes_.empty()) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = reinterpret_cast<std::uintptr_t>(bytes_.data()) % page;
  auto* begin = const_cast<std::byte*>(bytes_.data()) - before;  // madvise takes no const, and writes nothing
  ::madvise(begin, before + bytes_.size(), advice);              // rounds the end up
}

}  // namespace ropewalk
