// SPDX-License-Identifier: Apache-2.0
/// + - * / // % ** as Python has them: // and % round down, / gives a float, text can be added and repeated.
#include <cmath>

#include "chat/interpreter.h"

namespace rw::chat {
namespace {

[[noreturn]] void wrong_kinds(const std::string& op, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) fail("a value that is defined", std::get<Undefined>(v->data).why());
  if (std::get_if<SafeText>(&a.data) || std::get_if<SafeText>(&b.data))
    refuse("text that 'safe' was not applied to", fmt::format("'{}' with it", op));
  fail(fmt::format("values for '{}'", op), fmt::format("{} and {}", a.type_name(), b.type_name()));
}

[[noreturn]] void too_great(const std::string& op) {
  refuse("whole numbers of 64 bits", fmt::format("a greater one from '{}'", op));
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) too_great("**");
    if (base == 0 || base == 1) return base;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  }
  return result;
}

Value whole(const std::string& op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool over = false;
  if (op == "+") over = __builtin_add_overflow(a, b, &result);
  if (op == "-") over = __builtin_sub_overflow(a, b, &result);
  if (op == "*") over = __builtin_mul_overflow(a, b, &result);
  if (op == "**") {
    if (b < 0) return Value::number(std::pow(static_cast<double>(a), static_cast<double>(b)));
    return Value::integer(power(a, b));
  }
  if (op == "/" || op == "//" || op == "%") {
    if (b == 0) fail("a divisor that is not 0", "0");
    if (op == "/") return Value::number(static_cast<double>(a) / static_cast<double>(b));
    if (b == -1) return op == "%" ? Value::integer(0) : whole("-", 0, a);
    const std::int64_t quotient = a / b, rest = a % b;
    const bool down = rest != 0 && ((rest < 0) != (b < 0));
    return Value::integer(op == "//" ? quotient - (down ? 1 : 0) : rest + (down ? b : 0));
  }
  if (over) too_great(op);
  return Value::integer(result);
}

Value real(const std::string& op, double a, double b) {
  if (op == "+") return Value::number(a + b);
  if (op == "-") return Value::number(a - b);
  if (op == "*") return Value::number(a * b);
  if (op == "**") return Value::number(std::pow(a, b));
  if (b == 0) fail("a divisor that is not 0", "0.0");
  if (op == "/") return Value::number(a / b);
  if (op == "//") return Value::number(std::floor(a / b));
  double rest = std::fmod(a, b);
  if (rest != 0 && ((rest < 0) != (b < 0))) rest += b;
  return Value::number(rest);
}

}  // namespace

Value Interpreter::arithmetic(const std::string& op, const Value& a, const Value& b) {
  std::int64_t i = 0, j = 0;
  if (a.as_integer(i) && b.as_integer(j)) return whole(op, i, j);
  double x = 0, y = 0;
  if (a.as_number(x) && b.as_number(y)) return real(op, x, y);
  const std::string *s = a.as_text(), *t = b.as_text();
  if (op == "+" && s && t) {
    spend_memory(s->size() + t->size());  // before it is made
    meter_.work(s->size() + t->size());
    return Value::text(*s + *t);
  }
  const Sequence *p = a.as_sequence(), *q = b.as_sequence();
  const auto adds = [](const Sequence* list) {
    return list && (list->kind == Sequence::Kind::kList || list->kind == Sequence::Kind::kTuple);
  };
  if (op == "+" && adds(p) && adds(q) && p->kind == q->kind) {
    List items = items_of(a);
    for (Value& item : items_of(b)) items.push_back(std::move(item));
    return list(std::move(items), p->kind);
  }
  if (op == "%" && s) {
    Arguments given;
    if (adds(q)) meter_.work(q->items->size(), 2 * Meter::kLook);
    given.values = adds(q) && q->kind == Sequence::Kind::kTuple ? *q->items : List{b};
    return filter("format", a, given);
  }
  if (op == "*" && (s || adds(p)) && b.as_integer(j)) {
    const std::int64_t times = std::max<std::int64_t>(0, j);
    const auto size = static_cast<std::int64_t>(s ? s->size() : p->items->size() * sizeof(Value));
    if (size > 0 && times > static_cast<std::int64_t>(memory_left()) / size)
      fail("a template of bounded memory", fmt::format("a repetition by {}", times));
    spend_memory(static_cast<std::size_t>(size * times));
    meter_.work(size > 0 ? size * times + times * Meter::kLook : 0);
    if (s) {
      std::string repeated;
      for (std::int64_t k = 0; k < times && size > 0; ++k) repeated += *s;
      return Value::text(std::move(repeated));
    }
    List items;
    for (std::int64_t k = 0; k < times && size > 0; ++k)
      items.insert(items.end(), p->items->begin(), p->items->end());
    return list(std::move(items), p->kind);
  }
  if (op == "*" && (t || adds(q)) && a.as_integer(i)) return arithmetic(op, b, a);
  wrong_kinds(op, a, b);
}

}  // namespace rw::chat
