// SPDX-License-Identifier: Apache-2.0
/// What stands behind `is`.
#include <algorithm>
#include <map>

#include "chat/interpreter.h"

namespace rw::chat {
namespace {

using Test = bool (*)(Interpreter&, const Value&, const Arguments&);

const Value& other(const Arguments& arguments) {
  if (arguments.values.size() != 1 || !arguments.keywords.empty())
    fail("one value to compare with", "another number");
  return arguments.values[0];
}

bool is_boolean(const Value& value) { return std::holds_alternative<bool>(value.data); }
bool is_integer(const Value& value) { return std::holds_alternative<std::int64_t>(value.data); }

/// value % by == rest. Errors: Failure unless both are numbers: of text it would be a format.
bool rest_is(Interpreter& in, const Value& value, const Value& by, std::int64_t rest) {
  double d = 0;
  if (value.is_undefined()) fail("a value that is defined", std::get<Undefined>(value.data).why());
  if (!value.as_number(d) || !by.as_number(d)) fail("numbers to divide", std::string(value.type_name()));
  return equal(in.arithmetic("%", value, by), Value::integer(rest), in.meter());
}

bool same_kind(const Value& a, bool wanted) {
  const auto* b = std::get_if<bool>(&a.data);
  return b && *b == wanted;
}

bool is_sequence(const Value& value) {
  if (const Sequence* s = value.as_sequence()) return s->kind != Sequence::Kind::kView;
  return value.as_text() || value.as_dictionary() || std::get_if<SafeText>(&value.data);
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || is_sequence(value) || value.as_sequence() ||
         std::get_if<Iterator>(&value.data) || std::get_if<LoopState*>(&value.data);
}

bool is_callable(const Value& value) {
  return std::get_if<Macro>(&value.data) || std::get_if<Function>(&value.data) ||
         std::get_if<Method>(&value.data) || std::get_if<LoopState*>(&value.data) || value.is_undefined();
}

/// islower, isupper: there is a letter, and none of the other case.
bool has_case(Interpreter& in, const Value& value, bool upper) {
  const std::string text = in.str(value);
  bool found = false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) refuse("ASCII for a test of case", "another script");
    const bool low = c >= 'a' && c <= 'z', high = c >= 'A' && c <= 'Z';
    if (upper ? low : high) return false;
    found = found || low || high;
  }
  return found;
}

bool same_object(Interpreter& in, const Value& a, const Value& b) {
  const bool plain = a.is_none() || is_boolean(a) || is_integer(a);
  if (!plain) refuse("'sameas' of none, a boolean or a number", std::string(a.type_name()));
  return a.data.index() == b.data.index() && equal(a, b, in.meter());
}

template <int low, int high>
bool ordered(Interpreter& in, const Value& value, const Arguments& arguments) {
  const int order = compare(value, other(arguments), in.meter());
  return order >= low && order <= high;
}

bool equals(Interpreter& in, const Value& value, const Arguments& arguments) {
  return equal(value, other(arguments), in.meter());
}

const std::map<std::string_view, Test>& tests() {
  using V = const Value&;
  using A = const Arguments&;
  static const std::map<std::string_view, Test> all = {
      {"defined", [](Interpreter&, V v, A) { return !v.is_undefined(); }},
      {"undefined", [](Interpreter&, V v, A) { return v.is_undefined(); }},
      {"none", [](Interpreter&, V v, A) { return v.is_none(); }},
      {"boolean", [](Interpreter&, V v, A) { return is_boolean(v); }},
      {"true", [](Interpreter&, V v, A) { return same_kind(v, true); }},
      {"false", [](Interpreter&, V v, A) { return same_kind(v, false); }},
      {"integer", [](Interpreter&, V v, A) { return is_integer(v); }},
      {"float", [](Interpreter&, V v, A) { return std::holds_alternative<double>(v.data); }},
      {"number",
       [](Interpreter&, V v, A) {
         double d = 0;
         return v.as_number(d);
       }},
      {"string", [](Interpreter&, V v, A) { return v.as_text() || std::get_if<SafeText>(&v.data); }},
      {"mapping", [](Interpreter&, V v, A) { return v.as_dictionary() != nullptr; }},
      {"sequence", [](Interpreter&, V v, A) { return is_sequence(v) || v.is_undefined(); }},
      {"iterable", [](Interpreter&, V v, A) { return is_iterable(v); }},
      {"callable", [](Interpreter&, V v, A) { return is_callable(v); }},
      {"odd", [](Interpreter& in, V v, A) { return rest_is(in, v, Value::integer(2), 1); }},
      {"even", [](Interpreter& in, V v, A) { return rest_is(in, v, Value::integer(2), 0); }},
      {"divisibleby", [](Interpreter& in, V v, A a) { return rest_is(in, v, other(a), 0); }},
      {"lower", [](Interpreter& in, V v, A) { return has_case(in, v, false); }},
      {"upper", [](Interpreter& in, V v, A) { return has_case(in, v, true); }},
      {"sameas", [](Interpreter& in, V v, A a) { return same_object(in, v, other(a)); }},
      {"in", [](Interpreter& in, V v, A a) { return in.contains(other(a), v); }},
      {"escaped", [](Interpreter&, V v, A) { return std::get_if<SafeText>(&v.data) != nullptr; }},
      {"eq", equals},
      {"equalto", equals},
      {"==", equals},
      {"ne", [](Interpreter& in, V v, A a) { return !equals(in, v, a); }},
      {"!=", [](Interpreter& in, V v, A a) { return !equals(in, v, a); }},
      {"lt", ordered<-1, -1>},
      {"lessthan", ordered<-1, -1>},
      {"<", ordered<-1, -1>},
      {"le", ordered<-1, 0>},
      {"<=", ordered<-1, 0>},
      {"gt", ordered<1, 1>},
      {"greaterthan", ordered<1, 1>},
      {">", ordered<1, 1>},
      {"ge", ordered<0, 1>},
      {">=", ordered<0, 1>},
  };
  return all;
}

}  // namespace

bool Interpreter::test(const std::string& name, const Value& value, const Arguments& arguments) {
  const auto found = tests().find(name);
  if (found == tests().end())
    refuse("a test that chat templates use", fmt::format("'is {}'", name.substr(0, 40)));
  return found->second(*this, value, arguments);
}

}  // namespace rw::chat
