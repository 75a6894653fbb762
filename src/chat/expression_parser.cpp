// SPDX-License-Identifier: Apache-2.0
#include "chat/expression_parser.h"

#include <algorithm>

#include "chat/failure.h"

namespace ropewalk::chat {

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

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  while (true) {
    if (at_operator(".") || at_operator("[")) {
      value = subscript(std::move(value));
    } else if (at_operator("(")) {
      ExpressionPtr call = make_of(Kind::kCall, current().line, {}, std::move(value));
      arguments(*call);
      value = std::move(call);
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
      ExpressionPtr call = make_of(Kind::kCall, current().line, {}, std::move(value));
      arguments(*call);
      value = std::move(call);
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
              Failure{"arguments one by one", fmt::format("'{}'", current().text), std::string(kNotHere)});
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

}  // namespace ropewalk::chat
