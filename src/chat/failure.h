// SPDX-License-Identifier: Apache-2.0
/// The two ways in which a template ends: it does what Jinja calls an error (an undefined value is used, the
/// template itself raises), or it needs what this interpreter does not have. Both name the line.
#pragma once
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/option.h"

namespace rw::chat {

/// Thrown inside the interpreter, where the line is not at hand; the statement or expression around adds it.
struct Failure {
  std::string expected, found;
  std::string hint = "the template is wrong, or was not made for this conversation";
};

inline std::string not_here() {
  return "this construct is not implemented; " + option("a prompt of your own", "--raw") +
         " sends the text without the template";
}

[[noreturn]] inline void fail(std::string expected, std::string found) {
  throw Failure{std::move(expected), std::move(found)};
}
/// What Jinja has and we have not.
[[noreturn]] inline void refuse(std::string expected, std::string found) {
  throw Failure{std::move(expected), std::move(found), not_here()};
}
[[noreturn]] inline void fail_at(int line, const Failure& failure) {
  throw Error(fmt::format("chat template, line {}", line), failure.expected, failure.found, failure.hint);
}

}  // namespace rw::chat
