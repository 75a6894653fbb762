// SPDX-License-Identifier: Apache-2.0
#include "core/text_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/encoding_guess.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/utf8.h"

namespace rw {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// To the end; of a regular file at most `most` bytes.
std::string read_all(InputFile& file, std::size_t most) {
  constexpr std::size_t kStep = 1 << 20;
  std::string bytes;
  if (file.regular()) bytes.reserve(std::min(most, file.size()) + 1);
  while (bytes.size() < most && file.read(bytes, std::min(kStep, most - bytes.size()))) continue;
  if (!file.regular() && bytes.size() == most)
    throw Error(file.path(), fmt::format("less than {} MB", most >> 20), "more", "give a file, or less text");
  return bytes;
}

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

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// `n_lines`: that stand before `bytes`.
[[noreturn]] void refuse(const std::string& path, std::string_view bytes, std::size_t at,
                         std::size_t n_lines = 0) {
  const std::string place = fmt::format("{}:{}", path, n_lines + count_lines(bytes.substr(0, at)) + 1);
  if (const std::string damaged = damage(bytes, at); !damaged.empty())
    throw Error(place, "UTF-8 text", damaged, "leave those bytes out: iconv -f UTF-8 -t UTF-8 -c FILE > NEW");
  const std::vector<std::string> encodings = guess_encodings(bytes);
  if (encodings.empty()) throw Error(place, "text", "binary data (NUL bytes)", "give UTF-8 text");
  const std::string byte = fmt::format("the byte 0x{:02x}", static_cast<unsigned char>(bytes[at]));
  if (encodings.size() == 1)
    throw Error(
        place, "UTF-8 text", fmt::format("{}; perhaps {}, as far as a guess can tell", byte, encodings[0]),
        fmt::format("convert it, and see whether its letters are right: iconv -f {} -t UTF-8 FILE > NEW",
                    encodings[0]));
  throw Error(place, "UTF-8 text",
              fmt::format("{}; perhaps {}, or another", byte, fmt::join(encodings, ", ")),
              fmt::format("convert it, such as iconv -f {} -t UTF-8 FILE > NEW, and see whether its letters "
                          "are right",
                          encodings[0]));
}

/// \r\n and \r become \n, in place.
void unify_newlines(std::string& text, bool& had_crlf, bool& had_cr) {
  std::size_t to = text.find('\r');
  if (to == std::string::npos) return;
  for (std::size_t from = to; from < text.size(); ++from) {
    const bool cr = text[from] == '\r';
    if (cr && from + 1 < text.size() && text[from + 1] == '\n')
      ++from, had_crlf = true;
    else if (cr)
      had_cr = true;
    text[to++] = cr ? '\n' : text[from];
  }
  text.resize(to);
}

/// Bytes at the end that the next ones may belong to: of a character, or a \r before \n.
std::size_t unfinished(std::string_view text) {
  if (text.ends_with('\r')) return 1;
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    return back < (byte >= 0xf0 ? 4u : byte >= 0xe0 ? 3u : byte >= 0xc0 ? 2u : 1u) ? back : 0;
  }
  return 0;
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
  if (!S_ISREG(require_readable(path).st_mode))
    throw Error(path, "a regular file", "a pipe", "name a file that can be read again");
}

std::string read_bytes(const std::string& path, std::size_t most_bytes) {
  InputFile file(path);
  return read_all(file, most_bytes);
}

/// `n_bytes` of a text that has been read, or that a file has.
void require_size(const std::string& path, std::size_t n_bytes) {
  if (n_bytes > kMostTextBytes)
    throw Error(path, fmt::format("at most {} MB of text", kMostTextBytes >> 20),
                fmt::format("{} MB or more", n_bytes >> 20), "give a part of it");
}

std::string_view without_byte_order_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

void require_text(const std::string& name, std::string_view text) {
  if (const std::size_t at = first_invalid(text); at < text.size()) refuse(name, text, at);
}

TextFile read_text(const std::string& path, std::size_t most_bytes) {
  InputFile input(path);
  if (most_bytes >= kMostTextBytes) require_size(path, input.size());
  TextFile file;
  file.text = read_all(input, input.regular() ? most_bytes : kMostTextBytes);
  if (file.text.starts_with(kByteOrderMark)) file.text.erase(0, kByteOrderMark.size());
  if (file.text.empty()) throw Error(path, "some text", "an empty file", "give a file of UTF-8 text");
  if (input.size() > most_bytes) {
    const std::size_t had = file.text.size();
    trim_end(file.text);
    file.n_left_out = input.size() - most_bytes + had - file.text.size();
  }
  require_text(path, file.text);
  unify_newlines(file.text, file.had_crlf, file.had_cr);
  return file;
}

TextReader::TextReader(const std::string& path, std::size_t stretch)
    : input_(std::make_unique<InputFile>(path)), stretch_(stretch) {
  require_size(path, input_->size());
}
TextReader::~TextReader() = default;

std::size_t TextReader::size() const { return input_->size(); }

bool TextReader::next(std::string& text) {
  text = std::exchange(rest_, "");
  while (!ended_ && text.size() < stretch_) ended_ = !input_->read(text, stretch_ - text.size());
  const bool first = n_bytes_ == 0;
  n_bytes_ += text.size();
  if (first && text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (text.empty()) {
    if (first) throw Error(input_->path(), "some text", "an empty file", "give a file of UTF-8 text");
    return false;
  }
  require_size(input_->path(), n_bytes_);
  if (!ended_) {
    rest_ = text.substr(text.size() - unfinished(text));
    text.resize(text.size() - rest_.size());
    n_bytes_ -= rest_.size();
  }
  if (const std::size_t at = first_invalid(text); at < text.size()) {
    text += rest_;
    while (!ended_ && text.size() < at + stretch_) ended_ = !input_->read(text, stretch_);  // to judge by
    refuse(input_->path(), text, at, n_lines_);
  }
  n_lines_ += count_lines(text);
  unify_newlines(text, had_crlf_, had_cr_);
  return true;
}

}  // namespace rw
