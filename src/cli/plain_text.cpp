// SPDX-License-Identifier: Apache-2.0
#include "cli/plain_text.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include "cli/command.h"
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

namespace rw {
namespace {

constexpr int kLines = 5;  // the first that are not empty; all of them are objects in JSONL

std::optional<JsonInput> json_of(std::string_view text) {
  if (text.empty() || (text.front() != '{' && text.front() != '[')) return std::nullopt;
  try {
    return parse_json(text, "");
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The first line, where the first kLines all hold an object each.
std::optional<JsonInput> first_object(std::string_view text) {
  std::optional<JsonInput> first;
  for (int n = 0; n < kLines && !text.empty();) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.empty()) continue;
    std::optional<JsonInput> object = json_of(line);
    if (!object || !object->is_object()) return std::nullopt;
    if (n++ == 0) first = std::move(object);
  }
  return first;
}

/// The key whose value is the longest string; empty: none, or no plain name.
std::string text_key(const JsonInput& object) {
  std::string key;
  std::size_t most = 0;
  for (const auto& [name, value] : object.items())
    if (value.is_string() && value.get_ref<const std::string&>().size() > most)
      key = name, most = value.get_ref<const std::string&>().size();
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  });
  return plain ? key : "";
}

void require_plain(const std::string& text, const std::string& place) {
  const std::string_view all = trimmed(text);
  if (all.empty() || (all.front() != '{' && all.front() != '[')) return;
  if (const std::optional<JsonInput> object = first_object(all)) {
    const std::string key = text_key(*object), name = std::filesystem::path(place).stem().string();
    throw Error(place, "plain text, one document a file",
                "JSON lines, whose braces and keys would be learnt too",
                fmt::format("take the texts out{}",
                            key.empty() ? "; ropewalk reads no JSON"
                                        : fmt::format(", such as: jq -r .{} {} > {}", key,
                                                      shell_quoted(place), shell_quoted(name + ".txt"))));
  }
  if (json_of(all))
    throw Error(place, "plain text, one document a file", "JSON, whose braces and keys would be learnt too",
                "write its texts into files of their own");
}

}  // namespace

std::string read_plain_text(const std::string& path) {
  std::string text = read_text_file(path);
  require_plain(text, path);
  return text;
}

}  // namespace rw
