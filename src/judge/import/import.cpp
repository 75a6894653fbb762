// SPDX-License-Identifier: Apache-2.0
#include "judge/import/import.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/text_file.h"

namespace rw {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

[[noreturn]] void wrong(const std::string& place, const char* name, std::string_view expected,
                        const JsonInput* found) {
  throw Error(place, fmt::format("{} in '{}'", expected, name),
              found ? std::string(found->type_name()) : "no such field", "is this the file's --format?");
}

const JsonInput* find(const JsonInput& line, const char* name) {
  const auto at = line.find(name);
  return at == line.end() || at->is_null() ? nullptr : &*at;
}

}  // namespace

namespace {

using Read = std::function<void(const JsonInput&, const std::string& place)>;

void read_object(std::string_view json, const std::string& place, const Read& read) {
  const JsonInput value = parse_json(json, place);
  if (!value.is_object()) throw Error(place, "a JSON object", value.type_name());
  read(value, place);
}

std::size_t for_lines(std::string_view text, const std::string& path, const Read& read) {
  std::size_t number = 0, n_read = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(kSpace) == std::string_view::npos) continue;
    read_object(line, fmt::format("{}:{}", path, number + 1), read);
    ++n_read;
  }
  return n_read;
}

/// Where the JSON value at the front ends: at a comma or bracket that is not inside of it.
std::size_t value_end(std::string_view text) {
  bool in_text = false;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      i += c == '\\';
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      return i;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return std::string_view::npos;
}

/// Of the text behind "[". A file of 503 long contexts is larger than one document may be.
std::size_t for_elements(std::string_view text, const std::string& path, const Read& read) {
  std::size_t n_read = 0;
  for (;;) {
    const std::string place = fmt::format("{}, element {}", path, n_read + 1);
    const std::size_t end = value_end(text);
    if (end == std::string_view::npos)
      throw Error(place, "an array that ends with ']'", "the end of the file");
    const std::string_view value = text.substr(0, end);
    const bool last = text[end] == ']';
    text.remove_prefix(end + 1);
    const bool empty = value.find_first_not_of(kSpace) == std::string_view::npos;
    if (!empty || !last || n_read > 0) read_object(value, place, read), ++n_read;
    if (!last) continue;
    if (text.find_first_not_of(kSpace) != std::string_view::npos)
      throw Error(path, "nothing behind the array", "more text");
    return n_read;
  }
}

}  // namespace

void for_json_objects(std::string_view text, const std::string& path, const Read& read) {
  text = without_byte_order_mark(text);
  const std::size_t first = std::min(text.find_first_not_of(kSpace), text.size());
  const bool array = text.substr(first, 1) == "[";
  if ((array ? for_elements(text.substr(first + 1), path, read) : for_lines(text, path, read)) == 0)
    throw Error(path, "lines or an array of questions", "none");
}

std::string file_id(const JsonInput& line) { return sha256(dump_json(line)); }

std::string text_field(const JsonInput& line, const char* name, const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value || !value->is_string()) wrong(place, name, "a text", value);
  return value->get<std::string>();
}

std::vector<std::string> list_field(const JsonInput& line, const char* name, std::size_t least,
                                    const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value && least == 0) return {};
  if (!value || !value->is_array()) wrong(place, name, "a list of texts", value);
  std::vector<std::string> list;
  for (const JsonInput& item : *value) {
    if (!item.is_string()) wrong(place, name, "texts", &item);
    list.push_back(item.get<std::string>());
  }
  if (list.size() < least) wrong(place, name, fmt::format("{} texts or more", least), value);
  return list;
}

Index number_field(const JsonInput& line, const char* name, const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value) return 0;
  // Whole numbers are unsigned in what nlohmann reads, unless they are negative.
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > std::uint64_t{1} << 31)
    wrong(place, name, "a whole number from 0 to 2^31", value);
  return static_cast<Index>(value->get<std::uint64_t>());
}

std::string name_field(const JsonInput& line, const char* name, const std::string& otherwise,
                       const std::string& place) {
  const JsonInput* value = find(line, name);
  if (!value) return otherwise;
  if (value->is_number_integer()) return dump_json(*value);
  return text_field(line, name, place);
}

}  // namespace rw
