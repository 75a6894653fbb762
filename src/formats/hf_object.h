// SPDX-License-Identifier: Apache-2.0
/// Typed look-ups in one JSON object of a Hugging Face config.json. null counts as absent.
#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace rw {

/// Errors of all look-ups: Error naming the key.
struct HfObject {
  const JsonInput& json;
  const std::string& place;

  const JsonInput* find(const char* key) const {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
  [[noreturn]] void fail(const char* key, const char* expected) const {
    throw Error(place, fmt::format("{} {}", key, expected),
                find(key) ? dump_json(*find(key)).substr(0, 60) : "none");
  }
  /// 32768.0 is a whole number too: scripts that divide write it so.
  std::optional<std::int64_t> integer(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (value->is_number_float()) {
      const double number = value->get<double>();
      if (!(std::abs(number) <= 1e15) || number != std::floor(number)) fail(key, "a whole number");
      return static_cast<std::int64_t>(number);
    }
    if (!value->is_number_integer() || (value->is_number_unsigned() && value->get<std::uint64_t>() >> 62))
      fail(key, "a whole number");
    return value->get<std::int64_t>();
  }
  /// What the config class of transformers takes where the key is absent; null is `null_means`.
  std::optional<std::int64_t> integer_or_class_default(const char* key,
                                                       std::optional<std::int64_t> class_default,
                                                       std::optional<std::int64_t> null_means) const {
    if (!json.contains(key)) return class_default;
    const auto value = integer(key);
    return value ? value : null_means;
  }
  std::int64_t required(const char* key) const {
    const auto value = integer(key);
    if (!value) fail(key, "a whole number");
    return *value;
  }
  std::optional<double> number(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_number() || !std::isfinite(value->get<double>())) fail(key, "a number");
    return value->get<double>();
  }
  double required_number(const char* key) const {
    const auto value = number(key);
    if (!value) fail(key, "a number");
    return *value;
  }
  /// 0 and 1 count, as in Python.
  std::optional<bool> boolean(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (value->is_number() && (*value == 0 || *value == 1)) return *value == 1;
    if (!value->is_boolean()) fail(key, "true or false");
    return value->get<bool>();
  }
  std::optional<std::string> string(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) fail(key, "a string");
    return value->get<std::string>();
  }
  std::optional<std::vector<double>> numbers(const char* key) const {
    const JsonInput* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_array() || value->size() > 4096) fail(key, "a list of numbers");
    std::vector<double> list;
    for (const JsonInput& element : *value) {
      if (!element.is_number()) fail(key, "a list of numbers");
      list.push_back(element.get<double>());
    }
    return list;
  }
  /// An object below this one; nullptr when absent.
  const JsonInput* object(const char* key) const {
    const JsonInput* value = find(key);
    if (value && !value->is_object()) fail(key, "an object");
    return value;
  }
};

/// A JSON text in which Python's Infinity, -Infinity and NaN, which JSON has not, are strings: no number,
/// which ends no limit (time_step_limit of Mamba-2) and is refused elsewhere. What stands in strings stays.
std::string without_python_numbers(std::string_view text);

}  // namespace rw
