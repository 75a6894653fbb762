// SPDX-License-Identifier: Apache-2.0
#include "chat/interpreter.h"

namespace rw::chat {

using Kind = Expression::Kind;

Value Interpreter::evaluate(const Expression& e, Scope& scope) {
  try {
    const Level level(*this);
    meter_.work(static_cast<std::size_t>(Meter::kStep) + e.name.size());
    return evaluate_inside(e, scope);
  } catch (const Failure& failure) {
    fail_at(e.line, failure);
  }
}

Value Interpreter::evaluate_inside(const Expression& e, Scope& scope) {
  const auto part = [&](std::size_t i) { return evaluate(*e.parts[i], scope); };
  switch (e.kind) {
    case Kind::kConstant:
      return e.constant;
    case Kind::kName:
      return name(e, scope);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDictionary:
      return literal(e, scope);
    case Kind::kConditional:
    case Kind::kOr:
    case Kind::kAnd:
    case Kind::kNot:
      return logic(e, scope);
    case Kind::kCompare:
      return compare(e, scope);
    case Kind::kArithmetic: {
      const Value left = part(0);
      return arithmetic(e.name, left, part(1));
    }
    case Kind::kNegate:
    case Kind::kPositive:
      return arithmetic(e.kind == Kind::kNegate ? "-" : "+", Value::integer(0), part(0));
    case Kind::kJoin: {
      std::string joined;
      for (std::size_t i = 0; i < e.parts.size(); ++i) joined += str(part(i));
      return text(std::move(joined));
    }
    case Kind::kMember:
      return member(part(0), e.name);
    case Kind::kItem: {
      const Value of = part(0);
      return item(of, part(1));
    }
    case Kind::kSlice:
      return slice(e, scope);
    case Kind::kCall:
      return call(e, scope);
    case Kind::kFilter: {
      const Value value = part(0);
      return filter(e.name, value, arguments(e, scope));
    }
    case Kind::kTest: {
      const Value value = part(0);
      return Value::boolean(test(e.name, value, arguments(e, scope)));
    }
    case Kind::kPiped:
      return *piped_.back();
  }
  return Value::none();
}

Value Interpreter::literal(const Expression& e, Scope& scope) {
  if (e.kind != Kind::kDictionary) {
    List items;
    for (const ExpressionPtr& part : e.parts) items.push_back(evaluate(*part, scope));
    return list(std::move(items), e.kind == Kind::kList ? Sequence::Kind::kList : Sequence::Kind::kTuple);
  }
  Dictionary d;
  for (std::size_t i = 0; i < e.parts.size(); i += 2) {
    Value key = evaluate(*e.parts[i], scope);
    d.put(std::move(key), evaluate(*e.parts[i + 1], scope), meter_);
  }
  return Value::dictionary(std::move(d));
}

Value Interpreter::logic(const Expression& e, Scope& scope) {
  const auto part = [&](std::size_t i) { return evaluate(*e.parts[i], scope); };
  if (e.kind == Kind::kNot) return Value::boolean(!part(0).truth());
  if (e.kind == Kind::kConditional) {
    if (part(1).truth()) return part(0);
    if (e.parts[2]) return part(2);
    return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
  }
  Value left = part(0);
  return left.truth() == (e.kind == Kind::kOr) ? left : part(1);
}

Value Interpreter::name(const Expression& e, const Scope& scope) {
  if (const Value* value = scope.find(e.name, meter_)) return *value;
  // What jinja2 knows and a template here would silently miss.
  for (std::string_view known : {"cycler", "joiner", "lipsum"})
    if (e.name == known) refuse("functions that chat templates use", fmt::format("'{}'", known));
  return Value::undefined(fmt::format("'{}' is undefined", e.name.substr(0, 60)));
}

Arguments Interpreter::arguments(const Expression& e, Scope& scope) {
  Arguments given;
  for (std::size_t i = 1; i < e.parts.size(); ++i) given.values.push_back(evaluate(*e.parts[i], scope));
  for (const auto& [key, value] : e.keywords) {
    meter_.work(static_cast<std::size_t>(Meter::kValue) + key.size());
    given.keywords.emplace_back(key, evaluate(*value, scope));
  }
  return given;
}

Value Interpreter::compare(const Expression& e, Scope& scope) {
  Value left = evaluate(*e.parts[0], scope);
  for (std::size_t i = 0; i < e.operators.size(); ++i) {
    Value right = evaluate(*e.parts[i + 1], scope);
    const std::string& op = e.operators[i];
    bool holds = false;
    if (op == "in" || op == "not in") {
      holds = contains(right, left) == (op == "in");
    } else {
      if (op == "==" || op == "!=") {
        holds = equal(left, right, meter_) == (op == "==");
      } else {
        const int order = chat::compare(left, right, meter_);
        holds = op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
      }
    }
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::call(const Expression& e, Scope& scope) {
  const Expression& callee = *e.parts[0];
  // A method of a value, without a detour through a bound one.
  if (callee.kind == Kind::kMember) {
    const Value of = evaluate(*callee.parts[0], scope);
    if (has_method(of, callee.name)) {
      const Arguments given = arguments(e, scope);
      return call_method(*this, of, callee.name, given);
    }
    const Value function = member(of, callee.name);
    return call(function, arguments(e, scope));
  }
  const Value function = evaluate(callee, scope);
  return call(function, arguments(e, scope));
}

}  // namespace rw::chat
