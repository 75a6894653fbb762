// SPDX-License-Identifier: Apache-2.0
/// The grammar of jinja2 3.1, as far as chat templates use it. Left out and refused by name: template
/// inheritance and inclusion (block, extends, include, import, from), autoescape, recursive loops, and
/// arguments with * and **.
#pragma once
#include <vector>

#include "chat/lexer.h"
#include "chat/syntax.h"

namespace rw::chat {

/// Errors: Error with the line and the construct.
Body parse_template(const std::vector<Lexeme>& lexemes);

}  // namespace rw::chat
