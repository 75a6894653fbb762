// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <set>

#include "core/error.h"

namespace rw {
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

/// A first pass that only looks for a key that stands twice in one object. (Not a parser callback: nlohmann's
/// scans the whole parent at the end of each object, which is quadratic in a large one.)
struct KeyCheck final : nlohmann::json_sax<JsonInput> {
  std::vector<std::set<std::string>> open;
  std::string repeated;

  bool key(string_t& name) override {
    if (!open.back().insert(name).second) repeated = name;
    return repeated.empty();
  }
  bool start_object(std::size_t) override {
    open.emplace_back();
    return true;
  }
  bool end_object() override {
    open.pop_back();
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  // What is wrong is said by the parse that follows.
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }
};

}  // namespace

JsonInput parse_json(std::string_view text, std::string_view place, std::size_t max_bytes, int max_depth) {
  if (text.size() > max_bytes)
    throw Error(place, fmt::format("JSON of at most {} bytes", max_bytes),
                fmt::format("{} bytes", text.size()));
  if (text.find('\0') != text.npos)  // the parser would take it for the end
    throw Error(place, "JSON", "a NUL byte");
  if (depth_of(text, max_depth) > max_depth)
    throw Error(place, fmt::format("JSON nested at most {} deep", max_depth), "a deeper one");
  try {
    KeyCheck check;
    JsonInput::sax_parse(text.begin(), text.end(), &check);
    if (!check.repeated.empty())
      throw Error(place, "each key once in an object", "'" + check.repeated + "' twice");
    JsonInput value = JsonInput::parse(text.begin(), text.end());
    return value;
  } catch (const JsonInput::exception& e) {
    {
      const std::string_view what = e.what();  // "[json.exception.parse_error.101] parse error at line 1 ..."
      throw Error(place, "JSON", what.substr(what.find(']') == what.npos ? 0 : what.find(']') + 2));
    }
  }
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rw
