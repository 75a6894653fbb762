// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include "core/option.h"

namespace ropewalk {

struct Error::Parts {
  std::string place, expected, found, hint;
};

namespace {

std::string message(std::string_view place, std::string_view expected, std::string_view found,
                    std::string_view hint) {
  return fmt::format("{}: expected {}; found {}; hint: {}", place, expected, found, hint);
}

}  // namespace

Error::Error(Parts parts)
    : std::runtime_error(message(parts.place, parts.expected, parts.found, parts.hint)),
      parts_(std::make_shared<const Parts>(std::move(parts))) {}

Error::Error(std::string_view place, std::string_view expected, std::string_view found)
    : Error(place, expected, found, "the file is damaged, incomplete or of another kind") {}

Error::Error(std::string_view place, std::string_view expected, std::string_view found, std::string_view hint)
    : Error(Parts{rw::printable(place), rw::printable(expected), rw::printable(found), rw::printable(hint)}) {
}

Error::Error(std::string_view context, const Error& inner)
    : Error(fmt::format("{}: {}", context, inner.place()), inner.expected(), inner.found(), inner.hint()) {}

Error::Error(const Error& inner, std::string_view hint)
    : Error(inner.place(), inner.expected(), inner.found(), hint) {}

const std::string& Error::place() const noexcept { return parts_->place; }
const std::string& Error::expected() const noexcept { return parts_->expected; }
const std::string& Error::found() const noexcept { return parts_->found; }
const std::string& Error::hint() const noexcept { return parts_->hint; }

std::string Error::finding() const {
  return fmt::format("{}: expected {}; found {}", place(), expected(), found());
}

UsageError::UsageError(std::string_view place, std::string_view expected, std::string_view found)
    : UsageError(
          place, expected, found,
          rw::option("its description says what it takes, methods() what a method does",
                     "ropewalk COMMAND --help says what it takes, ropewalk methods what a method does")) {}

UsageError::UsageError(std::string_view place, std::string_view expected, std::string_view found,
                       std::string_view hint)
    : Error(place, expected, found, hint) {}

}  // namespace ropewalk
