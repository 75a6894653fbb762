// SPDX-License-Identifier: Apache-2.0
/// What a chat template computes with: Python's data, and nothing of the host. A value is text, a number, a
/// list, a dictionary, or something the template itself made; there is no object with a method that reads a
/// file, a clock or the environment.
/// Differences from Python: whole numbers have 64 bits (beyond them: an Error), text is UTF-8.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/json.h"

namespace rw::chat {

struct MacroNode;
struct Scope;
struct LoopState;
struct Namespace;
class Meter;
class Value;

/// What a missing variable or member is: prints as nothing, is false, iterates over nothing, and every other
/// use of it is an error that says `why`.
struct Undefined {
  std::shared_ptr<const std::string> reason;
  const std::string& why() const;
};
struct None {};
/// `safe` and nothing else: text that Markup's rules would escape around, so it may only be printed.
struct SafeText {
  std::shared_ptr<const std::string> text;
};

using List = std::vector<Value>;
/// How deep a value is, and how many values it is made of when shared ones are counted each time (text counts
/// by length): `set x = [x, x]` doubles it, and whoever walks a value has to pay for it.
struct Extent {
  int depth = 0;
  std::int64_t weight = 1;
  /// Errors: Failure where the depth passes 64.
  void hold(const Value& value);
};
/// A list and what only looks like one.
struct Sequence {
  enum class Kind { kList, kTuple, kRange, kView };  ///< kView: what a dictionary's keys(), items() give
  Kind kind = Kind::kList;
  Extent extent;
  std::shared_ptr<const List> items;
};
/// Python's generators (selectattr, map, reversed ...): true, without a length, read once.
struct Iterator {
  Extent extent;
  std::shared_ptr<const List> items;
  std::shared_ptr<std::size_t> next;
};

/// Keys keep their order; they are text in nearly every template, and few.
struct Dictionary {
  Extent extent;
  std::vector<std::pair<Value, Value>> entries;
  const Value* find(const Value& key, Meter& meter) const;
  const Value* find(std::string_view key, Meter& meter) const;
  void put(Value key, Value value, Meter& meter);
  /// REQUIRES: no entry has this key.
  void add(Value key, Value value);
  /// Of the entry with this key, or entries.size().
  std::size_t place(const Value& key, Meter& meter) const;
};

/// A macro, or the body of a call block, with the scope it was written in.
struct Macro {
  const MacroNode* node = nullptr;
  Scope* scope = nullptr;
};
/// A function of the environment: range, namespace, dict, raise_exception, strftime_now.
struct Function {
  std::string name;
};
/// text.strip, dictionary.items ... not called yet.
struct Method {
  std::shared_ptr<const Value> of;
  std::string name;
};

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                            SafeText, Sequence, Iterator, std::shared_ptr<const Dictionary>, Namespace*,
                            Macro, Function, Method, LoopState*>;
  Data data;

  Value() = default;
  template <class T>
  static Value of(T data) {
    Value value;
    value.data = std::move(data);
    return value;
  }
  static Value undefined(std::string why) {
    return of(Undefined{std::make_shared<const std::string>(std::move(why))});
  }
  static Value none() { return of(None{}); }
  static Value boolean(bool b) { return of(b); }
  static Value integer(std::int64_t i) { return of(i); }
  static Value number(double d) { return of(d); }
  static Value text(std::string s) {
    return of(std::shared_ptr<const std::string>(std::make_shared<std::string>(std::move(s))));
  }
  static Value list(List items, Sequence::Kind kind = Sequence::Kind::kList);
  static Value iterator(List items);
  static Value dictionary(Dictionary d) {
    return of(std::shared_ptr<const Dictionary>(std::make_shared<Dictionary>(std::move(d))));
  }
  /// JSON as Python reads it. REQUIRES: the nesting was limited when it was parsed.
  static Value from_json(const Json& json);

  bool is_undefined() const { return std::holds_alternative<Undefined>(data); }
  bool is_none() const { return std::holds_alternative<None>(data); }
  /// The text of a string, null for all else.
  const std::string* as_text() const {
    const auto* p = std::get_if<std::shared_ptr<const std::string>>(&data);
    return p ? p->get() : nullptr;
  }
  const Sequence* as_sequence() const { return std::get_if<Sequence>(&data); }
  const Dictionary* as_dictionary() const {
    const auto* p = std::get_if<std::shared_ptr<const Dictionary>>(&data);
    return p ? p->get() : nullptr;
  }
  /// A namespace(): the one thing that a template can change. It belongs to the interpreter.
  Namespace* as_namespace() const {
    const auto* p = std::get_if<Namespace*>(&data);
    return p ? *p : nullptr;
  }
  /// A whole number, or a bool as one.
  bool as_integer(std::int64_t& i) const;
  /// A number of any kind.
  bool as_number(double& d) const;

  Extent extent() const;
  bool truth() const;
  /// "str", "list" ... as Python's errors name it.
  std::string_view type_name() const;
};

/// Python's ==: numbers by value, never an error but the meter's.
bool equal(const Value& a, const Value& b, Meter& meter);
/// -1, 0 or 1. Errors: Failure for kinds that Python does not order.
int compare(const Value& a, const Value& b, Meter& meter);
/// str(value). Text beyond `max_bytes` is an Error.
std::string to_text(const Value& value, std::size_t max_bytes);
/// repr(value).
std::string to_repr(const Value& value, std::size_t max_bytes);
/// A float as Python prints it: 1.0, 1e+16, nan.
std::string float_text(double d);

/// json.dumps(value, ensure_ascii, indent, separators, sort_keys).
struct JsonStyle {
  bool ensure_ascii = false, sort_keys = false;
  bool indented = false;
  std::string indent;  ///< of one level, when indented
  std::string item_separator = ", ", key_separator = ": ";
};
/// Errors: Failure for what JSON cannot hold (an undefined value, a macro), or beyond the memory that is
/// left.
std::string to_json(const Value& value, const JsonStyle& style, Meter& meter);

}  // namespace rw::chat
