// SPDX-License-Identifier: Apache-2.0
#include "core/this_program.h"

#include <filesystem>

#include "core/error.h"
#include "core/text_file.h"

#ifdef __APPLE__
#include <crt_externs.h>
#include <mach-o/dyld.h>
#endif

namespace rw {

#ifdef __APPLE__
std::string file_of_this_program() {
  std::uint32_t size = 0;
  ::_NSGetExecutablePath(nullptr, &size);
  std::string path(size, '\0');
  if (::_NSGetExecutablePath(path.data(), &size) != 0) return {};
  std::error_code none;
  return std::filesystem::canonical(path.c_str(), none).string();
}

std::string this_program() { return file_of_this_program(); }

std::vector<std::string> words_of_this_program() {
  char** words = *::_NSGetArgv();
  return {words, words + *::_NSGetArgc()};
}
#else
std::string file_of_this_program() {
  std::error_code none;
  return std::filesystem::read_symlink(this_program(), none).string();
}

std::string this_program() { return "/proc/self/exe"; }

std::vector<std::string> words_of_this_program() {
  const std::string bytes = read_bytes("/proc/self/cmdline");
  std::vector<std::string> words;
  for (std::size_t at = 0, end = 0; at < bytes.size(); at = end + 1) {
    end = std::min(bytes.find('\0', at), bytes.size());
    words.push_back(bytes.substr(at, end - at));
  }
  return words;
}
#endif

}  // namespace rw
