// SPDX-License-Identifier: Apache-2.0
/// A table that becomes HTML or Markdown, and how text is escaped for each.
#pragma once
#include <string>
#include <vector>

#include "core/text.h"

namespace rw {

struct Cell {
  std::string text;
  std::string look = {};   ///< HTML: a class, or with ':' inside a style; from us, never from a file
  std::string hover = {};  ///< HTML: shown when the pointer rests there
};
struct Table {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<Cell>> rows;
};

/// Control characters become spaces, but for newlines; the rest as HTML text or attribute.
std::string escape_html(const std::string& text);
/// The same, with places where a long method may be broken.
std::string escape_name(const std::string& text);
/// One line; what Markdown would read as its own is escaped.
std::string escape_markdown(const std::string& text);
/// At most n characters of UTF-8, with "..." where something was cut.
std::string shortened(const std::string& text, std::size_t n);

std::string html_table(const Table& table, const std::string& look = "");
std::string markdown_table(const Table& table);
/// Columns apart by two spaces, the first to the left, the others to the right. Each cell is one line. Where
/// a line would be wider than `width`, long first cells stand on lines of their own.
std::string text_table(const Table& table, std::size_t width = 80);

}  // namespace rw
