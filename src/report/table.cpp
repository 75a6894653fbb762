// SPDX-License-Identifier: Apache-2.0
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace rw {

std::string escape_html(const std::string& text) {
  std::string safe;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = ' ';
    safe += c == '<'    ? "&lt;"
            : c == '>'  ? "&gt;"
            : c == '&'  ? "&amp;"
            : c == '"'  ? "&quot;"
            : c == '\'' ? "&#39;"
                        : std::string(1, c);
  }
  return safe;
}

std::string escape_markdown(const std::string& text) {
  std::string safe;
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    if (c == '<' || c == '>' || c == '&')
      safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;";
    else if (std::string("\\`*_[]|#~").find(c) != std::string::npos)
      safe += std::string("\\") + c;
    else
      safe += c;
  }
  return safe;
}

std::string shortened(const std::string& text, std::size_t n) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) continue;  // inside a character
    if (++characters > n) return text.substr(0, at) + "...";
  }
  return text;
}

std::string escape_name(const std::string& text) {
  std::string safe;
  for (char c : escape_html(text)) {
    safe += c;
    if (c == ',' || c == ':' || c == '+') safe += "<wbr>";
  }
  return safe;
}

std::string html_table(const Table& table, const std::string& look) {
  std::string html = fmt::format("<div class='scroll'><table class='{}'>", look);
  if (!table.caption.empty()) html += fmt::format("<caption>{}</caption>", escape_name(table.caption));
  html += "<thead><tr>";
  for (const std::string& name : table.head)
    html += fmt::format("<th scope='col'>{}</th>", escape_html(name));
  html += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const Cell& cell : row) {
      html += "<td";
      if (!cell.look.empty())
        html += fmt::format(" {}='{}'", cell.look.find(':') == std::string::npos ? "class" : "style",
                            escape_html(cell.look));
      if (!cell.hover.empty()) html += fmt::format(" title='{}'", escape_html(cell.hover));
      html += ">" + (cell.look == "name" ? escape_name(cell.text) : escape_html(cell.text)) + "</td>";
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>\n";
}

std::string markdown_table(const Table& table) {
  std::string text, rule = "|";
  if (!table.caption.empty()) text += "**" + escape_markdown(table.caption) + "**\n\n";
  text += "|";
  for (const std::string& name : table.head) text += " " + escape_markdown(name) + " |", rule += "---|";
  text += "\n" + rule + "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (const Cell& cell : row) text += " " + escape_markdown(cell.text) + " |";
    text += "\n";
  }
  return text + "\n";
}

std::string text_table(const Table& table, std::size_t width) {
  const auto width_of = [](const std::string& text) {  // characters, not bytes
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const std::string& name : table.head) widths.push_back(width_of(name));
  for (const auto& row : table.rows)
    for (std::size_t c = 1; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c].text));
  std::size_t others = 0;
  for (std::size_t c = 1; c < widths.size(); ++c) others += 2 + widths[c];
  const std::size_t room = width > others ? width - others : 0;
  for (const auto& row : table.rows)
    if (const std::size_t own = width_of(row[0].text); own <= room) widths[0] = std::max(widths[0], own);
  std::string text;
  const auto put = [&](const std::string& cell, std::size_t c) {
    const std::string space(widths[c] - std::min(widths[c], width_of(cell)), ' ');
    text += c == 0 ? cell + space : "  " + space + cell;
  };
  for (std::size_t c = 0; c < table.head.size(); ++c) put(table.head[c], c);
  text += "\n";
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      put(row[c].text, c);
      if (c == 0 && width_of(row[0].text) > widths[0]) text += "\n" + std::string(widths[0], ' ');
    }
    text += "\n";
  }
  return text;
}

}  // namespace rw
