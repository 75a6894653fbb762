// SPDX-License-Identifier: Apache-2.0
/// nlohmann-json behind a parse that is limited in size and depth, and a dump that never throws.
#pragma once
#include <concepts>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace rw {

using Json = nlohmann::ordered_json;  ///< what we write: keys keep their order, look-ups are linear
using JsonInput = nlohmann::json;     ///< what we read: a map, so that a large object takes n log n

/// Errors: Error naming `place` when the text is longer than max_bytes, nests deeper than max_depth,
/// repeats a key in one object, or is not JSON. The depth is checked before anything is built.
JsonInput parse_json(std::string_view text, std::string_view place, std::size_t max_bytes = 100u << 20,
                     int max_depth = 32);

/// One line; invalid UTF-8 is replaced, never thrown at.
std::string dump_json(const Json& value, int indent = -1);
/// The same of what was read; a template, so that a braced list is always a Json.
template <std::same_as<JsonInput> T>
std::string dump_json(const T& value, int indent = -1) {
  return value.dump(indent, ' ', false, T::error_handler_t::replace);
}

}  // namespace rw
