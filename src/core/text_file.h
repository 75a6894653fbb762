// SPDX-License-Identifier: Apache-2.0
/// The one reader of the user's texts.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace rw {

class InputFile;

/// More than this is never read of one text: a device or a pipe may have no end.
inline constexpr std::size_t kMostTextBytes = std::size_t{4} << 30;

struct TextFile {
  std::string text;            ///< UTF-8 without a byte order mark; lines end with \n, as Python reads them
  bool had_crlf = false;       ///< lines ended with \r\n
  bool had_cr = false;         ///< lines ended with \r alone
  std::size_t n_left_out = 0;  ///< bytes behind `most_bytes`; 0 where nothing was left out
};

/// A regular file, a pipe that somebody writes to, or standard input ("-"); of a regular file only the first
/// `most_bytes`, up to the end of a line or at least of a character. Memory: about the text once. Errors:
/// Error naming the line where it is no UTF-8, with what is damaged or the encodings that it looks like; for
/// an empty file, a folder, a device, and more than kMostTextBytes.
TextFile read_text(const std::string& path, std::size_t most_bytes = kMostTextBytes);

/// Without the mark that some editors begin a file with.
std::string_view without_byte_order_mark(std::string_view text);

/// For a text that comes from elsewhere, called `name`. Errors: Error where it is no UTF-8, as read_text.
void require_text(const std::string& name, std::string_view text);

/// The same text in pieces, for those that do not need it at once: in memory of one piece.
class TextReader {
 public:
  /// Errors: as read_text. `stretch`: bytes of a piece, 16 or more.
  explicit TextReader(const std::string& path, std::size_t stretch = std::size_t{1} << 20);
  ~TextReader();
  /// The next piece of whole characters; false at the end. Errors: as read_text, judged by the piece.
  bool next(std::string& text);
  std::size_t size() const;                         ///< bytes of a regular file; else 0
  std::size_t n_bytes() const { return n_bytes_; }  ///< read so far
  bool had_crlf() const { return had_crlf_; }
  bool had_cr() const { return had_cr_; }

 private:
  std::unique_ptr<InputFile> input_;
  std::string rest_;  ///< read, but not whole yet
  std::size_t stretch_, n_bytes_ = 0, n_lines_ = 0;
  bool ended_ = false, had_crlf_ = false, had_cr_ = false;
};

/// Errors: Error for a folder, a device, a pipe, and what cannot be found: for readers of others that would
/// wait for a pipe, or read a device without end.
void require_regular_file(const std::string& path);

/// All bytes of a regular file, a pipe or standard input ("-"). Errors: as read_text, but for what is in it.
std::string read_bytes(const std::string& path, std::size_t most_bytes = kMostTextBytes);

}  // namespace rw
