// SPDX-License-Identifier: Apache-2.0
#include "judge/import/import.h"

#include "core/error.h"

namespace ropewalk {
namespace {

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

void for_json_lines(std::string_view text, const std::string& path,
                    const std::function<void(const JsonInput&, const std::string& place)>& read) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  std::size_t number = 0, n_read = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", path, number + 1);
    const JsonInput value = parse_json(line, place);
    if (!value.is_object()) throw Error(place, "a JSON object", value.type_name());
    read(value, place);
    ++n_read;
  }
  if (n_read == 0) throw Error(path, "lines with questions", "none");
}

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

}  // namespace ropewalk
