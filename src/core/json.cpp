// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <set>

#include "core/error.h"

namespace ropewalk {
namespace {

/// Deepest nesting of brackets outside strings; stops counting at max + 1.
int depth_of(std::string_view text, int max) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size() && deepest <= max; ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view place, std::size_t max_bytes, int max_depth) {
  if (text.size() > max_bytes)
    throw Error(place, fmt::format("JSON of at most {} bytes", max_bytes),
                fmt::format("{} bytes", text.size()));
  if (depth_of(text, max_depth) > max_depth)
    throw Error(place, fmt::format("JSON nested at most {} deep", max_depth), "a deeper one");
  std::vector<std::set<std::string>> keys;
  std::string repeated;
  auto callback = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty()) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) repeated = key;
    }
    return true;
  };
  try {
    Json value = Json::parse(text.begin(), text.end(), callback);
    if (!repeated.empty()) throw Error(place, "each key once in an object", "'" + repeated + "' twice");
    return value;
  } catch (const Json::exception& e) {
    throw Error(place, "JSON", e.what());
  }
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ropewalk
