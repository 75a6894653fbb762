// SPDX-License-Identifier: Apache-2.0
/// What operators stand between: constants, names, lists, brackets, and what may follow them (members, items,
/// calls, filters, tests).
#include <algorithm>

#include "chat/expression_parser.h"
#include "chat/failure.h"

namespace rw::chat {

using Kind = Expression::Kind;

ExpressionPtr ExpressionParser::primary() {
  const Lexeme& lexeme = current();
  const int line = lexeme.line;
  if (lexeme.kind == Lexeme::Kind::kName) return named();
  if (at_operator("[")) return list();
  if (at_operator("{")) return dictionary();
  if (skip_operator("(")) {
    ExpressionPtr inside = tuple(true, {}, true);
    expect_operator(")");
    return inside;
  }
  ExpressionPtr constant = make(Kind::kConstant, line);
  if (lexeme.kind == Lexeme::Kind::kString) {
    std::string text;
    for (; current().kind == Lexeme::Kind::kString; next()) text += current().text;
    constant->constant = Value::text(std::move(text));
    return constant;
  }
  if (lexeme.kind == Lexeme::Kind::kInteger)
    constant->constant = Value::integer(lexeme.integer);
  else if (lexeme.kind == Lexeme::Kind::kFloat)
    constant->constant = Value::number(lexeme.number);
  else
    wrong("an expression", spelled(lexeme));
  next();
  return constant;
}

ExpressionPtr ExpressionParser::named() {
  const int line = current().line;
  const std::string word = name("a name");
  ExpressionPtr constant = make(Kind::kConstant, line);
  if (word == "true" || word == "True" || word == "false" || word == "False") {
    constant->constant = Value::boolean(word == "true" || word == "True");
    return constant;
  }
  if (word == "none" || word == "None") {
    constant->constant = Value::none();
    return constant;
  }
  if (macro_) {
    macro_->uses_caller = macro_->uses_caller || word == "caller";
    macro_->uses_varargs = macro_->uses_varargs || word == "varargs";
    macro_->uses_kwargs = macro_->uses_kwargs || word == "kwargs";
  }
  return make(Kind::kName, line, {}, word);
}

ExpressionPtr ExpressionParser::list() {
  const int line = current().line;
  expect_operator("[");
  std::vector<ExpressionPtr> parts;
  while (!at_operator("]")) {
    if (!parts.empty()) expect_operator(",");
    if (at_operator("]")) break;
    parts.push_back(expression());
  }
  next();
  return make(Kind::kList, line, std::move(parts));
}

ExpressionPtr ExpressionParser::dictionary() {
  const int line = current().line;
  expect_operator("{");
  std::vector<ExpressionPtr> parts;
  while (!at_operator("}")) {
    if (!parts.empty()) expect_operator(",");
    if (at_operator("}")) break;
    parts.push_back(expression());
    expect_operator(":");
    parts.push_back(expression());
  }
  next();
  return make(Kind::kDictionary, line, std::move(parts));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr value) {
  ExpressionPtr result = make_of(Kind::kCall, current().line, {}, std::move(value));
  arguments(*result);
  return result;
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  while (true) {
    if (at_operator(".") || at_operator("[")) {
      value = subscript(std::move(value));
    } else if (at_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr value) {
  while (true) {
    if (at_operator("|")) {
      value = filters(std::move(value));
    } else if (at_name("is")) {
      value = test(std::move(value));
    } else if (at_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr value) {
  const int line = current().line;
  if (skip_operator("[")) {
    ExpressionPtr result = item_or_slice(std::move(value));
    expect_operator("]");
    return result;
  }
  next();  // the dot
  if (current().kind == Lexeme::Kind::kInteger) {
    ExpressionPtr index = make(Kind::kConstant, line);
    index->constant = Value::integer(current().integer);
    next();
    return make_of(Kind::kItem, line, {}, std::move(value), std::move(index));
  }
  const std::string member = name("a name or number behind the dot");
  return make_of(Kind::kMember, line, member, std::move(value));
}

ExpressionPtr ExpressionParser::item_or_slice(ExpressionPtr value) {
  const int line = current().line;
  ExpressionPtr bounds[3];
  int n = 0;
  bool slice = false;
  while (!at_operator("]")) {
    if (skip_operator(":")) {
      slice = true;
      if (++n > 2) wrong("at most two ':' in a slice", "three");
    } else if (at_operator(",")) {
      wrong("one index", "several");
    } else if (bounds[n]) {
      wrong("':' or ']'", spelled(current()));
    } else {
      bounds[n] = expression();
    }
  }
  if (!slice && !bounds[0]) wrong("an index", "']'");
  if (!slice) return make_of(Kind::kItem, line, {}, std::move(value), std::move(bounds[0]));
  return make_of(Kind::kSlice, line, {}, std::move(value), std::move(bounds[0]), std::move(bounds[1]),
                 std::move(bounds[2]));
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr value, bool begun) {
  while (begun || skip_operator("|")) {
    begun = false;
    const int line = current().line;
    const std::string filter = name("the name of a filter");
    value = make_of(Kind::kFilter, line, filter, std::move(value));
    if (at_operator("(")) arguments(*value);
  }
  return value;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  const int line = current().line;
  next();  // is
  const bool negated = skip_name("not");
  const std::string word = name("the name of a test");
  ExpressionPtr result = make_of(Kind::kTest, line, word, std::move(value));
  const Lexeme::Kind kind = current().kind;
  const bool begins = kind == Lexeme::Kind::kName || kind == Lexeme::Kind::kString ||
                      kind == Lexeme::Kind::kInteger || kind == Lexeme::Kind::kFloat || at_operator("[") ||
                      at_operator("{");
  if (at_operator("(")) {
    arguments(*result);
  } else if (begins && !at_name("else") && !at_name("or") && !at_name("and")) {
    if (at_name("is")) wrong("one test with 'is'", "another behind it");
    // "x is defined if y": jinja2 reads `if y` as an argument, and fails. So do we.
    ExpressionPtr argument = postfix(primary());
    result->depth = std::max(result->depth, argument->depth + 1);
    result->parts.push_back(std::move(argument));
  }
  return negated ? make_of(Kind::kNot, line, {}, std::move(result)) : std::move(result);
}

void ExpressionParser::arguments(Expression& call) {
  expect_operator("(");
  bool first = true;
  while (!at_operator(")")) {
    if (!first) expect_operator(",");
    first = false;
    if (at_operator(")")) break;
    if (at_operator("*") || at_operator("**"))
      fail_at(current().line,
              Failure{"arguments one by one", fmt::format("'{}'", current().text), not_here()});
    const Lexeme& behind = lexemes_[std::min(at_ + 1, lexemes_.size() - 1)];
    const bool keyword =
        current().kind == Lexeme::Kind::kName && behind.kind == Lexeme::Kind::kOperator && behind.text == "=";
    std::string key;
    if (keyword) key = current().text, next(), next();
    ExpressionPtr value = expression();
    call.depth = std::max(call.depth, value->depth + 1);
    if (call.depth > kMaxDepth)
      wrong(fmt::format("an expression at most {} deep", kMaxDepth), "a deeper one");
    if (keyword)
      call.keywords.emplace_back(std::move(key), std::move(value));
    else if (call.keywords.empty())
      call.parts.push_back(std::move(value));
    else
      wrong("arguments with a name behind those without", "the other way round");
  }
  next();
}

}  // namespace rw::chat
