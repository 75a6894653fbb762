// SPDX-License-Identifier: Apache-2.0
#include "core/text_file.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/encoding_guess.h"
#include "core/error.h"
#include "core/utf8.h"

namespace ropewalk {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// Errors: Error for a folder or a device; only what has an end is read.
mode_t require_readable(const std::string& path, std::size_t& size) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0)
    throw Error(path, "a readable file", std::strerror(errno), "check the path");
  if (S_ISDIR(about.st_mode)) throw Error(path, "a file", "a folder", "name one of its files");
  if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode))
    throw Error(path, "a file or a pipe", "a device", "name a file, or - for standard input");
  size = S_ISREG(about.st_mode) ? static_cast<std::size_t>(about.st_size) : 0;
  return about.st_mode;
}
mode_t kind_of(int file, std::size_t& size) {
  struct stat about {};
  if (::fstat(file, &about) != 0) throw Error("-", "a readable file", std::strerror(errno));
  size = S_ISREG(about.st_mode) ? static_cast<std::size_t>(about.st_size) : 0;
  return about.st_mode;
}

/// An open file, and what kind it is.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path) {
    const mode_t kind = path == "-" ? kind_of(file_, size_) : require_readable(path, size_);
    regular_ = S_ISREG(kind);
    if (path == "-") return;
    // A pipe is not waited for: one that nobody writes to is empty.
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file_ < 0) throw Error(path, "a readable file", std::strerror(errno), "check the path");
    ::fcntl(file_, F_SETFL, 0);
  }
  ~Input() {
    if (path_ != "-") ::close(file_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  bool regular() const { return regular_; }
  std::size_t size() const { return size_; }

  /// To the end; of a regular file at most `most` bytes.
  std::string read(std::size_t most) {
    std::string bytes;
    if (regular_) bytes.reserve(std::min(most, size_) + 1);
    for (std::size_t done = 0;;) {
      const std::size_t step = std::min<std::size_t>(1 << 20, most - done);
      if (step == 0) break;
      bytes.resize(done + step);
      const ssize_t n = ::read(file_, bytes.data() + done, step);
      if (n < 0 && errno != EINTR)
        throw Error(path_, "a readable file", std::strerror(errno), "check the disk");
      done += n > 0 ? static_cast<std::size_t>(n) : 0;
      bytes.resize(done);
      if (n == 0) break;
    }
    if (!regular_ && bytes.size() == most)
      throw Error(path_, fmt::format("less than {} MB", most >> 20), "more", "give a file, or less text");
    return bytes;
  }

 private:
  std::string path_;
  int file_ = STDIN_FILENO;
  bool regular_ = false;
  std::size_t size_ = 0;
};

/// Where `text` stops being UTF-8; its size: nowhere.
std::size_t first_invalid(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0 || text[at] == '\0') return at;
    at += length;
  }
  return at;
}

/// How `text` from `at` on is no UTF-8 where the rest of it is; empty where it may be another encoding.
std::string damage(std::string_view text, std::size_t at) {
  std::size_t n_good = 0, n_bad = 0;  // characters of several bytes, and bytes that are none
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    n_good += length > 1, n_bad += length == 0;
    i += std::max<std::size_t>(length, 1);
  }
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2, left = text.size() - at;
  if (n_good > 0 && lead >= 0xc2 && left < whole && n_bad == left)
    return fmt::format("{} of the {} bytes of its last character: it was cut there", left, whole);
  if (n_bad > 0 && n_good >= 4 * n_bad)
    return fmt::format("the byte 0x{:02x}; {} byte{} of it {} damaged, the rest is UTF-8", lead, n_bad,
                       n_bad == 1 ? "" : "s", n_bad == 1 ? "is" : "are");
  return "";
}

[[noreturn]] void refuse(const std::string& path, std::string_view bytes, std::size_t at) {
  const std::size_t line = static_cast<std::size_t>(std::count(
                               bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n')) +
                           1;
  const std::string place = fmt::format("{}:{}", path, line);
  if (const std::string damaged = damage(bytes, at); !damaged.empty())
    throw Error(place, "UTF-8 text", damaged, "leave those bytes out: iconv -f UTF-8 -t UTF-8 -c FILE > NEW");
  const std::vector<std::string> encodings = guess_encodings(bytes);
  if (encodings.empty()) throw Error(place, "text", "binary data (NUL bytes)", "give UTF-8 text");
  const bool sure = encodings.size() == 1;
  throw Error(place, "UTF-8 text",
              fmt::format("the byte 0x{:02x}; it looks like {}{}", static_cast<unsigned char>(bytes[at]),
                          sure ? "" : "one of ", fmt::join(encodings, ", ")),
              fmt::format("convert it: iconv -f {} -t UTF-8 FILE > NEW{}", encodings[0],
                          sure ? "" : ", and see whether its letters are right"));
}

/// \r\n and \r become \n, in place.
void unify_newlines(TextFile& file) {
  std::string& text = file.text;
  std::size_t to = text.find('\r');
  if (to == std::string::npos) return;
  for (std::size_t from = to; from < text.size(); ++from) {
    const bool cr = text[from] == '\r';
    if (cr && from + 1 < text.size() && text[from + 1] == '\n')
      ++from, file.had_crlf = true;
    else if (cr)
      file.had_cr = true;
    text[to++] = cr ? '\n' : text[from];
  }
  text.resize(to);
}

/// A text that was cut ends with a line, or at least with a character.
void trim_end(std::string& text) {
  const std::size_t newline = text.rfind('\n');
  if (newline != std::string::npos && newline + 65536 > text.size()) return text.resize(newline + 1);
  for (int back = 0; back < 3 && !text.empty() && (text.back() & 0xc0) == 0x80; ++back) text.pop_back();
  if (!text.empty() && (text.back() & 0x80) != 0) text.pop_back();
}

}  // namespace

void require_regular_file(const std::string& path) {
  std::size_t size = 0;
  if (!S_ISREG(require_readable(path, size)))
    throw Error(path, "a regular file", "a pipe", "name a file that can be read again");
}

std::string read_bytes(const std::string& path, std::size_t most_bytes) {
  return Input(path).read(most_bytes);
}

TextFile read_text(const std::string& path, std::size_t most_bytes) {
  Input input(path);
  if (input.regular() && input.size() > kMostTextBytes && most_bytes >= kMostTextBytes)
    throw Error(path, fmt::format("at most {} MB of text", kMostTextBytes >> 20),
                fmt::format("{} MB", input.size() >> 20), "give a part of it");
  TextFile file;
  file.text = input.read(input.regular() ? most_bytes : kMostTextBytes);
  if (file.text.starts_with(kByteOrderMark)) file.text.erase(0, kByteOrderMark.size());
  if (file.text.empty()) throw Error(path, "some text", "an empty file", "give a file of UTF-8 text");
  if (input.size() > most_bytes) {
    const std::size_t had = file.text.size();
    trim_end(file.text);
    file.n_left_out = input.size() - most_bytes + had - file.text.size();
  }
  if (const std::size_t at = first_invalid(file.text); at < file.text.size()) refuse(path, file.text, at);
  unify_newlines(file);
  return file;
}

}  // namespace ropewalk
