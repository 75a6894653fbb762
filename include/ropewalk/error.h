// SPDX-License-Identifier: Apache-2.0
/// Everything that can go wrong, as exceptions. Thread-safety: those of the standard library's exceptions.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ropewalk/api.h"

namespace ropewalk {

/// Anything that the outside can cause: files, arguments, requests, unsupported models.
/// what() reads "place: expected ...; found ...; hint: ...", one line; control characters in it are '?'.
class ROPEWALK_API Error : public std::runtime_error {
 public:
  /// `hint` left out: that the file is damaged, incomplete or of another kind.
  Error(std::string_view place, std::string_view expected, std::string_view found);
  Error(std::string_view place, std::string_view expected, std::string_view found, std::string_view hint);
  /// For adding context at a module's border: "context: " before the message of `inner`.
  Error(std::string_view context, const Error& inner);
  /// The same with another hint.
  Error(const Error& inner, std::string_view hint);

  const std::string& place() const noexcept;     ///< a path, an option, a part of a file
  const std::string& expected() const noexcept;  ///< what should have been there
  const std::string& found() const noexcept;     ///< what was
  const std::string& hint() const noexcept;      ///< what to do
  /// what() without its hint.
  std::string finding() const;

 private:
  struct Parts;
  explicit Error(Parts parts);
  std::shared_ptr<const Parts> parts_;  // shared: a copy cannot fail
};

/// A wrong argument: the spelling of a method, a parameter out of range, a length.
class ROPEWALK_API UsageError : public Error {
 public:
  /// `hint` left out: where arguments and methods are described.
  UsageError(std::string_view place, std::string_view expected, std::string_view found);
  UsageError(std::string_view place, std::string_view expected, std::string_view found,
             std::string_view hint);
};

/// A broken contract inside ropewalk: a bug of ours, please report it.
class ROPEWALK_API LogicError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace ropewalk
