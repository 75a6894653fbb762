// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_json.h"

#include "core/error.h"

namespace rw {

namespace {

/// Before the text is parsed: a callback of the parser could tell too, and would look through the whole list
/// at the end of each object in it (14 seconds for tekken.json).
void limit_depth(std::string_view text, std::string_view place) {
  constexpr int kMaxDepth = 32;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '[' || c == '{') && ++depth > kMaxDepth)
      throw Error(place, fmt::format("JSON nested at most {} deep", kMaxDepth), "a deeper one");
    else if (!in_string && (c == ']' || c == '}'))
      --depth;
  }
}

}  // namespace

HfJson::Document HfJson::parse(std::string_view text, std::string_view place) {
  limit_depth(text, place);
  try {
    Document document = Document::parse(text.begin(), text.end());
    if (!document.is_object()) throw Error(place, "a JSON object", document.type_name());
    return document;
  } catch (const Document::exception& e) {
    const std::string_view what = e.what();  // "[json.exception.parse_error.101] parse error at line 1 ..."
    throw Error(place, "JSON", what.substr(what.find(']') == what.npos ? 0 : what.find(']') + 2));
  }
}

void HfJson::refuse(std::string_view expected, std::string_view found) const {
  throw Error(place_, expected, found, "this tokenizer.json needs what is not implemented, or is damaged");
}

const HfJson::Document& HfJson::get(const Document& object, const char* key) const {
  static const Document null;
  if (!object.is_object()) refuse(fmt::format("an object with '{}'", key), object.type_name());
  const auto it = object.find(key);
  return it == object.end() ? null : *it;
}

std::string HfJson::text(const Document& object, const char* key) const {
  const Document& value = get(object, key);
  if (!value.is_string()) refuse(fmt::format("a string '{}'", key), value.type_name());
  return value.get<std::string>();
}

bool HfJson::flag(const Document& object, const char* key, bool absent) const {
  const Document& value = get(object, key);
  if (value.is_null()) return absent;
  if (!value.is_boolean()) refuse(fmt::format("true or false for '{}'", key), value.type_name());
  return value.get<bool>();
}

std::vector<const HfJson::Document*> HfJson::components(const Document& part, const char* list) const {
  if (part.is_null()) return {};
  if (text(part, "type") != "Sequence") return {&part};
  std::vector<const Document*> members;
  const Document& array = get(part, list);
  if (!array.is_array()) refuse(fmt::format("an array '{}'", list), array.type_name());
  for (const Document& member : array) {
    if (text(member, "type") == "Sequence") refuse("a flat Sequence", "a Sequence in a Sequence");
    members.push_back(&member);
  }
  return members;
}

}  // namespace rw
