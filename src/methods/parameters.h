// SPDX-License-Identifier: Apache-2.0
/// The parameters of one part of a spec, checked as they are read.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "methods/method.h"

namespace rw {

/// The least number of six significant digits that is not below x (but for rounding, 1e-12 of it): what is
/// worked out for a person to read and type again, such as tokens asked for over tokens trained, where a
/// little more reaches as far and a little less does not. REQUIRES: x finite, above 0.
double few_digits(double x);

/// Getters return what the user wrote or the default, check the range, and remember what was resolved, so
/// that the bound method can be spelled in full. Errors of all getters: UsageError "rerope: expected ...".
class Parameters {
 public:
  /// Errors: UsageError for a parameter the method does not have ("did you mean").
  Parameters(const MethodInfo& info, const MethodPart& part);

  // A value such as 1.5x is 1.5 times the fallback: it follows the length where the fallback does. It stays
  // in [low, high], and is rounded up to few_digits, or to a whole number where one is asked for.

  /// A finite number in [low, high].
  double number(std::string_view name, double fallback, double low, double high) const;
  /// A whole number in [low, high]; "4k" is 4096.
  Index integer(std::string_view name, Index fallback, Index low, Index high) const;
  bool flag(std::string_view name, bool fallback) const;
  std::string choice(std::string_view name, std::string_view fallback,
                     const std::vector<std::string>& choices) const;
  /// Lists of whole numbers in [0, high], as typed: "3.1/7.0" is {{3, 1}, {7, 0}}. Not given: none.
  std::vector<std::vector<Index>> lists(std::string_view name, Index high) const;
  bool given(std::string_view name) const { return part_.parameters.contains(std::string(name)); }
  /// Given as a number, so that nobody needs the fallback: not as 1.5x, and not left out.
  bool fixed(std::string_view name) const;
  /// Throws the method's own refusal of a combination.
  [[noreturn]] void refuse(std::string_view expected, std::string_view found,
                           std::string_view hint = {}) const;

  /// "name:parameter=value,..." with every default that a getter resolved.
  std::string text() const;

 private:
  const std::string* find(std::string_view name) const;
  void resolved(std::string_view name, std::string value) const;
  const MethodInfo& info_;
  const MethodPart& part_;
  mutable std::vector<std::pair<std::string, std::string>> resolved_;
};

}  // namespace rw
