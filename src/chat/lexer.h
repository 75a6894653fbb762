// SPDX-License-Identifier: Apache-2.0
/// Cuts a template into text and the tokens between {{ }}, {% %} and {# #}, with the white space control of
/// jinja2 3.1 as transformers sets it up: trim_blocks and lstrip_blocks on, no line statements, the
/// template's last newline dropped.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rw::chat {

struct Lexeme {
  enum class Kind {
    kText,        ///< outside of tags
    kPrintBegin,  ///< {{
    kPrintEnd,
    kBlockBegin,  ///< {%
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd,  ///< of the template
  };
  Kind kind = Kind::kEnd;
  std::string text;  ///< of text, names, operators; strings without quotes and escapes
  std::int64_t integer = 0;
  double number = 0;
  int line = 1;
};

/// Errors: Error with the line for a tag, comment, string or bracket that does not end, and for characters
/// that no token begins with.
std::vector<Lexeme> cut_template(std::string_view source);

}  // namespace rw::chat
