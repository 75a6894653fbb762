// SPDX-License-Identifier: Apache-2.0
#include "server/fields.h"

#include <cmath>
#include <limits>

namespace rw::server {

std::string kind_of(const JsonInput& value) {
  if (value.is_string()) return "a string";
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  return dump_json(value);  // a number, true, false or null
}

std::optional<Index> whole_of(const JsonInput& value, Index low, Index high) {
  Index whole = 0;
  if (value.is_number_unsigned()) {
    const auto unsigned_value = value.get<std::uint64_t>();
    if (unsigned_value > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) return std::nullopt;
    whole = static_cast<Index>(unsigned_value);
  } else if (value.is_number_integer()) {
    whole = value.get<Index>();
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!(std::fabs(number) < 0x1p53) || number != std::floor(number)) return std::nullopt;
    whole = static_cast<Index>(number);
  } else {
    return std::nullopt;
  }
  return whole >= low && whole <= high ? std::optional(whole) : std::nullopt;
}

Fields::Fields(const JsonInput& object, std::string place) : object_(object), place_(std::move(place)) {
  if (!object.is_object())
    throw ApiError(400, place_.empty() ? "" : place_.substr(0, place_.size() - 1), "a JSON object",
                   kind_of(object));
}

const JsonInput* Fields::any(const std::string& name) {
  known_.insert(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Fields::text(const std::string& name, std::size_t most_bytes) {
  const JsonInput* value = any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) throw ApiError(400, place_of(name), "a string", kind_of(*value));
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > most_bytes)
    throw ApiError(400, place_of(name), fmt::format("{} bytes at most", most_bytes),
                   fmt::format("{}", text.size()));
  return text;
}

std::optional<Index> Fields::whole(const std::string& name, Index low, Index high) {
  const JsonInput* value = any(name);
  if (value == nullptr) return std::nullopt;
  if (const auto whole = whole_of(*value, low, high)) return whole;
  throw ApiError(400, place_of(name), fmt::format("a whole number from {} to {}", low, high),
                 kind_of(*value));
}

std::optional<double> Fields::number(const std::string& name, double low, double high) {
  const JsonInput* value = any(name);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= low && number <= high))
    throw ApiError(400, place_of(name), fmt::format("a number from {} to {}", low, high), kind_of(*value));
  return number;
}

std::optional<bool> Fields::flag(const std::string& name) {
  const JsonInput* value = any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) throw ApiError(400, place_of(name), "true or false", kind_of(*value));
  return value->get<bool>();
}

void Fields::refuse(const std::string& name) {
  if (const JsonInput* value = any(name))
    throw ApiError(400, place_of(name), "no such field: this server does not support it", kind_of(*value));
}

void Fields::only_one(const std::string& a, const std::string& b) {
  if (any(a) && any(b)) throw ApiError(400, place_of(b), fmt::format("{} or {}", a, b), "both");
}

void Fields::end() const {
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name) && !value.is_null())
      throw ApiError(400, place_of(name).substr(0, 100), "a field that is known", "one that is not");
}

}  // namespace rw::server
