// SPDX-License-Identifier: Apache-2.0
/// The fields of a request's JSON object: each is read by its name, with its kind and range, and what nobody
/// reads is refused. null is the same as a field that is not there.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/types.h"
#include "server/api_error.h"

namespace rw::server {

class Fields {
 public:
  /// `object` outlives it; `place`: before the names of its fields, in errors ("messages[0]."). Errors:
  /// ApiError 400 unless it is an object.
  explicit Fields(const JsonInput& object, std::string place = "");

  /// Errors of all: ApiError 400 naming the field, where it is of another kind or out of range.
  std::optional<std::string> text(const std::string& name, std::size_t most_bytes = std::size_t{64} << 20);
  std::optional<Index> whole(const std::string& name, Index low, Index high);
  std::optional<double> number(const std::string& name, double low, double high);
  std::optional<bool> flag(const std::string& name);
  /// Any value; nullptr where it is not there.
  const JsonInput* any(const std::string& name);
  /// One that may be there and says nothing.
  void ignore(const std::string& name) { known_.insert(name); }
  /// One that is not supported. Errors: ApiError 400 where it is there.
  void refuse(const std::string& name);
  /// The one of both that is there. Errors: ApiError 400 where both are.
  void only_one(const std::string& a, const std::string& b);
  /// Errors: ApiError 400 for a field that nobody has read.
  void end() const;

  std::string place_of(const std::string& name) const { return place_ + name; }

 private:
  const JsonInput& object_;
  std::string place_;
  std::set<std::string> known_;
};

/// What a value is, for people: "a string", "5", "an array".
std::string kind_of(const JsonInput& value);
/// A whole number in range, 16.0 too; none where it is no such.
std::optional<Index> whole_of(const JsonInput& value, Index low, Index high);

}  // namespace rw::server
