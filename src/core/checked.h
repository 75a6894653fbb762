// SPDX-License-Identifier: Apache-2.0
/// Checked: the type that every number from a file or a request passes before it sizes, indexes or
/// divides anything. Arithmetic that leaves [0, 2^62] throws Error instead of wrapping.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/types.h"

namespace rw {

class Checked {
 public:
  static constexpr std::uint64_t kMax = std::uint64_t{1} << 62;

  /// `place` names where the number came from, for the message. It must outlive the object.
  Checked(std::uint64_t value, std::string_view place) : value_(value), place_(place) {
    if (value_ > kMax) fail("a number up to 2^62", std::to_string(value_));
  }
  Checked operator*(std::uint64_t other) const {
    std::uint64_t result = 0;
    if (__builtin_mul_overflow(value_, other, &result) || result > kMax)
      fail("a product up to 2^62", fmt::format("{} x {}", value_, other));
    return {result, place_};
  }
  Checked operator+(std::uint64_t other) const {
    std::uint64_t result = 0;
    if (__builtin_add_overflow(value_, other, &result) || result > kMax)
      fail("a sum up to 2^62", fmt::format("{} + {}", value_, other));
    return {result, place_};
  }
  /// Errors: Error unless the other number is positive and divides this one.
  Checked divided_by(std::uint64_t other) const {
    if (other == 0 || value_ % other != 0)
      fail(fmt::format("a multiple of {}", other), std::to_string(value_));
    return {value_ / other, place_};
  }
  Checked operator*(const Checked& other) const { return *this * other.value_; }
  Checked operator+(const Checked& other) const { return *this + other.value_; }
  /// Errors: Error unless low <= value <= high.
  Index in(Index low, Index high) const {
    if (static_cast<Index>(value_) < low || static_cast<Index>(value_) > high)
      fail(fmt::format("a number from {} to {}", low, high), std::to_string(value_));
    return static_cast<Index>(value_);
  }
  Index index() const { return static_cast<Index>(value_); }
  std::size_t size() const { return static_cast<std::size_t>(value_); }

 private:
  [[noreturn]] void fail(std::string_view expected, std::string_view found) const {
    throw Error(place_, expected, found, "the file or request is damaged or hostile");
  }
  std::uint64_t value_;
  std::string_view place_;
};

}  // namespace rw
