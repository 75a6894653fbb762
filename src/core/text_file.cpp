// SPDX-License-Identifier: Apache-2.0
#include "core/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/utf8.h"

namespace ropewalk {
namespace {

constexpr std::string_view kMark = "\xef\xbb\xbf";

/// An open file, and what kind it is.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path) {
    struct stat about {};
    if ((path == "-" ? ::fstat(file_, &about) : ::stat(path.c_str(), &about)) != 0)
      throw Error(path, "a readable file", std::strerror(errno), "check the path");
    if (S_ISDIR(about.st_mode)) throw Error(path, "a file", "a folder", "name one of its files");
    regular_ = S_ISREG(about.st_mode);
    if (!regular_ && !S_ISFIFO(about.st_mode) && !S_ISSOCK(about.st_mode) && path != "-")
      throw Error(path, "a file or a pipe", "a device", "name a file, or - for standard input");
    size_ = regular_ ? static_cast<std::size_t>(about.st_size) : 0;
    if (path != "-") file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file_ < 0) throw Error(path, "a readable file", std::strerror(errno), "check the path");
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

[[noreturn]] void refuse(const std::string& path, std::string_view bytes, std::size_t at) {
  const std::size_t line = static_cast<std::size_t>(std::count(
                               bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n')) +
                           1;
  const std::string encoding = likely_encoding(bytes);
  const std::string place = fmt::format("{}:{}", path, line);
  if (encoding.empty()) throw Error(place, "text", "binary data (NUL bytes)", "give UTF-8 text");
  throw Error(
      place, "UTF-8 text",
      fmt::format("the byte 0x{:02x}; it looks like {}", static_cast<unsigned char>(bytes[at]), encoding),
      fmt::format("convert it: iconv -f {} -t UTF-8 FILE > NEW", encoding.substr(0, encoding.find(' '))));
}

/// \r\n and \r become \n, in place; whether there was one.
bool unify_newlines(std::string& text) {
  std::size_t to = text.find('\r');
  if (to == std::string::npos) return false;
  for (std::size_t from = to; from < text.size(); ++from) {
    const bool cr = text[from] == '\r';
    if (cr && from + 1 < text.size() && text[from + 1] == '\n') ++from;
    text[to++] = cr ? '\n' : text[from];
  }
  text.resize(to);
  return true;
}

/// A text that was cut ends with a line, or at least with a character.
void trim_end(std::string& text) {
  const std::size_t newline = text.rfind('\n');
  if (newline != std::string::npos && newline + 65536 > text.size()) return text.resize(newline + 1);
  for (int back = 0; back < 3 && !text.empty() && (text.back() & 0xc0) == 0x80; ++back) text.pop_back();
  if (!text.empty() && (text.back() & 0x80) != 0) text.pop_back();
}

/// Runs of bytes from 0x80 on: how letters lie in encodings of one byte and of two.
struct HighBytes {
  std::size_t n = 0, runs = 0, even_runs = 0, below_a1 = 0;
};
HighBytes high_bytes(std::string_view bytes) {
  HighBytes high;
  std::size_t run = 0;
  const auto end_run = [&] { high.runs += run > 0, high.even_runs += run > 0 && run % 2 == 0, run = 0; };
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      end_run();
      continue;
    }
    ++high.n, ++run;
    high.below_a1 += byte < 0xa1;
  }
  end_run();
  return high;
}

}  // namespace

std::string likely_encoding(std::string_view bytes) {
  bytes = bytes.substr(0, 1 << 20);
  if (bytes.starts_with(std::string_view("\xff\xfe\0\0", 4))) return "UTF-32 (little-endian)";
  if (bytes.starts_with("\xff\xfe")) return "UTF-16 (little-endian)";
  if (bytes.starts_with("\xfe\xff")) return "UTF-16 (big-endian)";
  std::size_t even = 0, odd = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] == '\0') ++(i % 2 == 0 ? even : odd);
  // Text in Latin letters has a NUL in nearly every pair, on one side.
  if (odd > bytes.size() / 8 && even <= odd / 8) return "UTF-16LE";
  if (even > bytes.size() / 8 && odd <= even / 8) return "UTF-16BE";
  if (even + odd > 0) return "";
  const HighBytes high = high_bytes(bytes);
  const auto share = [](std::size_t part, std::size_t all) {
    return static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(all, 1));
  };
  if (high.n >= 2 * high.runs && share(high.even_runs, high.runs) > 0.9)
    return share(high.below_a1, high.n) < 0.1 ? "GBK (or Big5, EUC-KR)" : "SHIFT_JIS (or GBK, Big5)";
  if (high.n > 2 * high.runs) return "WINDOWS-1251 (or KOI8-R, or another of one byte a letter)";
  return "WINDOWS-1252 (or ISO-8859-1)";
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
  if (file.text.starts_with(kMark)) file.text.erase(0, kMark.size());
  if (file.text.empty()) throw Error(path, "some text", "an empty file", "give a file of UTF-8 text");
  if (input.size() > most_bytes) {
    const std::size_t had = file.text.size();
    trim_end(file.text);
    file.n_left_out = input.size() - most_bytes + had - file.text.size();
  }
  if (const std::size_t at = first_invalid(file.text); at < file.text.size()) refuse(path, file.text, at);
  file.had_crlf = unify_newlines(file.text);
  return file;
}

}  // namespace ropewalk
