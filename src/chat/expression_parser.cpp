// SPDX-License-Identifier: Apache-2.0
#include "chat/expression_parser.h"

#include <algorithm>

#include "chat/failure.h"

namespace rw::chat {

using Kind = Expression::Kind;

ExpressionParser::Nesting::Nesting(ExpressionParser& parser) : parser_(parser) {
  if (parser_.nested_ == kMaxDepth)
    parser_.wrong(fmt::format("at most {} constructs in one another", kMaxDepth), "more");
  ++parser_.nested_;
}

void ExpressionParser::wrong(std::string expected, std::string found) const {
  fail_at(current().line, Failure{std::move(expected), std::move(found)});
}

std::string ExpressionParser::spelled(const Lexeme& lexeme) {
  switch (lexeme.kind) {
    case Lexeme::Kind::kEnd:
      return "the end of the template";
    case Lexeme::Kind::kText:
      return "text";
    case Lexeme::Kind::kString:
      return "a string";
    case Lexeme::Kind::kInteger:
    case Lexeme::Kind::kFloat:
      return "a number";
    default:
      return fmt::format("'{}'", lexeme.text.substr(0, 40));
  }
}

bool ExpressionParser::at_operator(std::string_view spelling) const {
  return current().kind == Lexeme::Kind::kOperator && current().text == spelling;
}
bool ExpressionParser::at_name(std::string_view spelling) const {
  return current().kind == Lexeme::Kind::kName && current().text == spelling;
}
bool ExpressionParser::skip_operator(std::string_view spelling) {
  const bool here = at_operator(spelling);
  if (here) next();
  return here;
}
bool ExpressionParser::skip_name(std::string_view spelling) {
  const bool here = at_name(spelling);
  if (here) next();
  return here;
}
void ExpressionParser::expect_operator(std::string_view spelling) {
  if (!skip_operator(spelling)) wrong(fmt::format("'{}'", spelling), spelled(current()));
}
void ExpressionParser::expect_name(std::string_view spelling) {
  if (!skip_name(spelling)) wrong(fmt::format("'{}'", spelling), spelled(current()));
}
void ExpressionParser::expect(Lexeme::Kind kind, std::string_view spelling) {
  if (current().kind != kind) wrong(fmt::format("'{}'", spelling), spelled(current()));
  next();
}
std::string ExpressionParser::name(std::string_view what) {
  if (current().kind != Lexeme::Kind::kName) wrong(std::string(what), spelled(current()));
  std::string text = current().text;
  next();
  return text;
}

ExpressionPtr ExpressionParser::make(Kind kind, int line, std::vector<ExpressionPtr> parts,
                                     std::string name) const {
  auto result = std::make_unique<Expression>();
  result->kind = kind, result->line = line, result->name = std::move(name);
  for (const ExpressionPtr& part : parts)
    if (part) result->depth = std::max(result->depth, part->depth + 1);
  result->parts = std::move(parts);
  if (result->depth > kMaxDepth)
    wrong(fmt::format("an expression at most {} deep", kMaxDepth), "a deeper one");
  return result;
}

ExpressionPtr ExpressionParser::piped() const { return make(Kind::kPiped, current().line); }

bool ExpressionParser::tuple_ends(std::string_view end) const {
  return current().kind == Lexeme::Kind::kPrintEnd || current().kind == Lexeme::Kind::kBlockEnd ||
         at_operator(")") || (!end.empty() && at_name(end));
}

ExpressionPtr ExpressionParser::tuple(bool conditional, std::string_view end, bool in_brackets) {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  bool comma = false;
  while (!tuple_ends(end)) {
    parts.push_back(expression(conditional));
    if (!skip_operator(",")) break;
    comma = true;
  }
  if (!comma && parts.size() == 1) return std::move(parts[0]);
  if (parts.empty() && !in_brackets) wrong("an expression", spelled(current()));
  return make(Kind::kTuple, line, std::move(parts));
}

ExpressionPtr ExpressionParser::expression(bool conditional) {
  const Nesting nesting(*this);
  const int line = current().line;
  ExpressionPtr value = disjunction();
  while (conditional && skip_name("if")) {
    ExpressionPtr test = disjunction();
    ExpressionPtr other = skip_name("else") ? expression() : nullptr;
    value = make_of(Kind::kConditional, line, {}, std::move(value), std::move(test), std::move(other));
  }
  return value;
}

ExpressionPtr ExpressionParser::disjunction() {
  ExpressionPtr left = conjunction();
  for (int line = current().line; skip_name("or"); line = current().line) {
    ExpressionPtr right = conjunction();
    left = make_of(Kind::kOr, line, {}, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  ExpressionPtr left = negation();
  for (int line = current().line; skip_name("and"); line = current().line) {
    ExpressionPtr right = negation();
    left = make_of(Kind::kAnd, line, {}, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  const int line = current().line;
  if (!skip_name("not")) return comparison();
  const Nesting nesting(*this);
  return make_of(Kind::kNot, line, {}, negation());
}

ExpressionPtr ExpressionParser::comparison() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  std::vector<std::string> operators;
  parts.push_back(sum());
  while (true) {
    static constexpr std::string_view kOperators[] = {"==", "!=", "<", "<=", ">", ">="};
    const bool compares =
        current().kind == Lexeme::Kind::kOperator &&
        std::find(std::begin(kOperators), std::end(kOperators), current().text) != std::end(kOperators);
    if (compares) {
      operators.push_back(current().text);
      next();
    } else if (skip_name("in")) {
      operators.emplace_back("in");
    } else if (at_name("not") && lexemes_[at_ + 1].kind == Lexeme::Kind::kName &&
               lexemes_[at_ + 1].text == "in") {
      next(), next();
      operators.emplace_back("not in");
    } else {
      break;
    }
    parts.push_back(sum());
  }
  if (operators.empty()) return std::move(parts[0]);
  ExpressionPtr result = make(Kind::kCompare, line, std::move(parts));
  result->operators = std::move(operators);
  return result;
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = joined();
  while (at_operator("+") || at_operator("-")) {
    const Lexeme& sign = current();
    next();
    ExpressionPtr right = joined();
    left = make_of(Kind::kArithmetic, sign.line, sign.text, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::joined() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  parts.push_back(product());
  while (skip_operator("~")) parts.push_back(product());
  return parts.size() == 1 ? std::move(parts[0]) : make(Kind::kJoin, line, std::move(parts));
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (at_operator("*") || at_operator("/") || at_operator("//") || at_operator("%")) {
    const Lexeme& sign = current();
    next();
    ExpressionPtr right = power();
    left = make_of(Kind::kArithmetic, sign.line, sign.text, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary();
  while (at_operator("**")) {
    const Lexeme& sign = current();
    next();
    ExpressionPtr right = unary();
    left = make_of(Kind::kArithmetic, sign.line, sign.text, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Nesting nesting(*this);
  const int line = current().line;
  ExpressionPtr value;
  if (skip_operator("-"))
    value = make_of(Kind::kNegate, line, {}, unary(false));
  else if (skip_operator("+"))
    value = make_of(Kind::kPositive, line, {}, unary(false));
  else
    value = primary();
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

}  // namespace rw::chat
