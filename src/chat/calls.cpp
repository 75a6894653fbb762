// SPDX-License-Identifier: Apache-2.0
/// What can be called and is no method: macros, the environment's functions, and what hangs on `loop`.
#include <ctime>

#include "chat/interpreter.h"
#include "core/option.h"

namespace rw::chat {

const Value* Arguments::get(std::size_t place, std::string_view name) const {
  if (place < values.size()) return &values[place];
  for (const auto& [key, value] : keywords)
    if (key == name) return &value;
  return nullptr;
}

void Arguments::allow(std::string_view what, std::initializer_list<std::string_view> parameters) const {
  if (values.size() > parameters.size())
    fail(fmt::format("at most {} arguments for '{}'", parameters.size(), what),
         std::to_string(values.size()));
  for (const auto& [key, value] : keywords) {
    std::size_t place = 0;
    for (const std::string_view parameter : parameters) {
      if (parameter == key) break;
      ++place;
    }
    if (place == parameters.size())
      fail(fmt::format("an argument that '{}' knows", what), fmt::format("'{}'", key));
    if (place < values.size())
      fail(fmt::format("each argument of '{}' once", what), fmt::format("'{}' twice", key));
  }
}

std::int64_t required_integer(const Value* value, std::int64_t otherwise, std::string_view what) {
  if (!value || value->is_none()) return otherwise;
  std::int64_t i = 0;
  if (!value->as_integer(i))
    fail(fmt::format("a whole number for '{}'", what), std::string(value->type_name()));
  return i;
}

Value Interpreter::call(const Value& callee, const Arguments& arguments) {
  if (const auto* macro = std::get_if<Macro>(&callee.data)) return call_macro(*macro, arguments);
  if (const auto* function = std::get_if<Function>(&callee.data))
    return call_function(function->name, arguments);
  if (const auto* method = std::get_if<Method>(&callee.data)) {
    if (auto* const* loop = std::get_if<LoopState*>(&method->of->data))
      return call_loop_method(**loop, method->name, arguments);
    return call_method(*this, *method->of, method->name, arguments);
  }
  if (callee.is_undefined()) fail("a function", std::get<Undefined>(callee.data).why());
  fail("a function", fmt::format("a value of type {}", callee.type_name()));
}

Value Interpreter::call_macro(const Macro& macro, const Arguments& given) {
  const Level level(*this);
  const MacroNode& node = *macro.node;
  Scope& inside = new_scope(macro.scope);
  const std::size_t n = node.parameters.size();
  std::vector<bool> used(given.keywords.size(), false);
  const auto take = [&](const std::string& name) -> const Value* {
    for (std::size_t k = 0; k < given.keywords.size(); ++k)
      if (meter_.same(given.keywords[k].first, name) && !used[k])
        return used[k] = true, &given.keywords[k].second;
    return nullptr;
  };
  for (std::size_t i = 0; i < n; ++i) {
    const std::string& name = node.parameters[i];
    const std::size_t first_default = n - node.defaults.size();
    const Value* value = i < given.values.size() ? &given.values[i] : take(name);
    if (value)
      inside.set(name, *value, meter_);
    else if (i >= first_default)
      inside.set(name, evaluate(*node.defaults[i - first_default], inside), meter_);
    else
      inside.set(name, Value::undefined(fmt::format("parameter '{}' was not provided", name.substr(0, 60))),
                 meter_);
  }
  if (const Value* caller = node.uses_caller ? take("caller") : nullptr)
    inside.set("caller", *caller, meter_);
  if (node.uses_kwargs) {
    Dictionary rest;
    for (std::size_t k = 0; k < given.keywords.size(); ++k)
      if (!used[k]) {
        used[k] = true;
        rest.put(text(given.keywords[k].first), given.keywords[k].second, meter_);
      }
    inside.set("kwargs", Value::dictionary(std::move(rest)), meter_);
  }
  for (std::size_t k = 0; k < given.keywords.size(); ++k)
    if (!used[k])
      fail(fmt::format("an argument that the macro '{}' takes", node.name),
           fmt::format("'{}'", given.keywords[k].first));
  if (node.uses_varargs) {
    List rest;
    for (std::size_t i = n; i < given.values.size(); ++i) rest.push_back(given.values[i]);
    inside.set("varargs", list(std::move(rest), Sequence::Kind::kTuple), meter_);
  } else if (given.values.size() > n) {
    fail(fmt::format("at most {} arguments for the macro '{}'", n, node.name),
         std::to_string(given.values.size()));
  }
  return Value::text(captured(node.body, inside));
}

Dictionary Interpreter::copy(const Dictionary& d) {
  meter_.work(d.entries.size(), Meter::kValue);
  spend_memory(d.entries.size() * 2 * sizeof(Value));
  return d;
}

Value Interpreter::make_namespace(const Arguments& arguments) {
  Namespace& space = namespaces_.emplace_back();
  spend_memory(sizeof(Namespace) + 64);
  if (arguments.values.size() > 1)
    fail("at most one value for namespace()", std::to_string(arguments.values.size()));
  if (!arguments.values.empty()) {
    const Dictionary* d = arguments.values[0].as_dictionary();
    if (!d) refuse("a dictionary for namespace()", std::string(arguments.values[0].type_name()));
    space.members = copy(*d);
  }
  for (const auto& [key, value] : arguments.keywords) {
    if (key.starts_with('_')) fail("a member that does not begin with _", fmt::format("'{}'", key));
    space.members.put(text(key), value, meter_);
  }
  return Value::of(&space);
}

namespace {

Value make_range(Interpreter& in, const Arguments& arguments) {
  if (arguments.values.empty() || arguments.values.size() > 3 || !arguments.keywords.empty())
    fail("one to three numbers for range()", std::to_string(arguments.values.size()));
  std::int64_t bounds[3] = {0, 0, 1};
  for (std::size_t i = 0; i < arguments.values.size(); ++i)
    bounds[i] = required_integer(&arguments.values[i], 0, "range()");
  if (arguments.values.size() == 1) bounds[1] = std::exchange(bounds[0], 0);
  const auto [start, stop, step] = bounds;
  if (step == 0) fail("a step that is not 0", "0");
  constexpr std::size_t kMost = 100000;  // as jinja2's sandbox
  List items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() == kMost) fail(fmt::format("a range of at most {} numbers", kMost), "more");
    in.meter().work(Meter::kLook);
    items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return in.list(std::move(items), Sequence::Kind::kRange);
}

Value make_dictionary(Interpreter& in, const Arguments& arguments) {
  Dictionary d;
  if (arguments.values.size() > 1)
    fail("at most one value for dict()", std::to_string(arguments.values.size()));
  if (!arguments.values.empty()) {
    if (const Dictionary* from = arguments.values[0].as_dictionary()) {
      d = in.copy(*from);
    } else {
      for (const Value& pair : in.items_of(arguments.values[0])) {
        const List two = in.items_of(pair);
        if (two.size() != 2) fail("pairs for dict()", fmt::format("{} values", two.size()));
        d.put(two[0], two[1], in.meter());
      }
    }
  }
  for (const auto& [key, value] : arguments.keywords) d.put(in.text(key), value, in.meter());
  return Value::dictionary(std::move(d));
}

}  // namespace

std::string format_time(std::time_t time, const std::string& format) {
  // Letters and modifiers that depend on no locale and are the same in Python and C.
  static constexpr std::string_view kLetters = "aAbBdHIjmMpSyYUwWeFTDR%";
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (i + 1 < format.size() && format[i + 1] == '-') ++i;
    if (i + 1 >= format.size() || kLetters.find(format[i + 1]) == kLetters.npos)
      refuse("a format of strftime with plain letters", fmt::format("'{}'", format.substr(0, 40)));
    ++i;
  }
  if (format.size() > 256) fail("a format of at most 256 bytes", std::to_string(format.size()));
  std::tm parts{};
  localtime_r(&time, &parts);
  std::string out(format.size() * 16 + 64, '\0');
  const std::string marked = format + " ";  // strftime returns 0 for an empty result, too
  const std::size_t n = std::strftime(out.data(), out.size(), marked.c_str(), &parts);
  out.resize(n > 0 ? n - 1 : 0);
  return out;
}

Value Interpreter::call_function(const std::string& name, const Arguments& arguments) {
  if (name == "range") return make_range(*this, arguments);
  if (name == "namespace") return make_namespace(arguments);
  if (name == "dict") return make_dictionary(*this, arguments);
  arguments.allow(name, {name == "strftime_now" ? "format" : "message"});
  const Value* text = arguments.get(0, name == "strftime_now" ? "format" : "message");
  if (!text) fail(fmt::format("an argument for {}()", name), "none");
  if (name == "raise_exception")
    throw Failure{"a conversation that the template accepts", "its own refusal: " + to_text(*text, 4096),
                  "the template was made for other turns; " + option("a prompt of your own", "--raw") +
                      " sends the text without it"};
  const std::string* format = text->as_text();
  if (!format) fail("a format of strftime_now()", std::string(text->type_name()));
  return this->text(format_time(now_, *format));
}

Value Interpreter::loop_member(LoopState& loop, const std::string& name) {
  const auto length = [&] {
    // Of what passes the test: that is known only when all of it was asked, as in jinja2.
    if (loop.test) {
      List rest;
      while (const Value* value = peek(loop)) rest.push_back(*value), loop.peeked.clear();
      loop.items.assign(rest.begin(), rest.end());
      loop.next = 0, loop.test = nullptr;
      // Those before are counted by index0; they need no place in the list.
      loop.passed = loop.index0 + 1;
    }
    return static_cast<std::int64_t>(loop.items.size()) + loop.passed;
  };
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") return Value::boolean(peek(loop) == nullptr);
  if (name == "length") return Value::integer(length());
  if (name == "revindex") return Value::integer(length() - loop.index0);
  if (name == "revindex0") return Value::integer(length() - loop.index0 - 1);
  if (name == "previtem")
    return loop.index0 == 0 ? Value::undefined("there is no previous item") : loop.before;
  if (name == "nextitem") {
    const Value* value = peek(loop);
    return value ? *value : Value::undefined("there is no next item");
  }
  if (name == "depth") return Value::integer(1);
  if (name == "depth0") return Value::integer(0);
  if (name == "cycle" || name == "changed")
    return Value::of(Method{std::make_shared<Value>(Value::of(&loop)), name});
  return Value::undefined(fmt::format("'LoopContext' object has no attribute '{}'", name));
}

Value Interpreter::call_loop_method(LoopState& loop, const std::string& name, const Arguments& arguments) {
  if (name == "cycle") {
    if (arguments.values.empty()) fail("values for loop.cycle()", "none");
    return arguments.values[static_cast<std::size_t>(loop.index0) % arguments.values.size()];
  }
  const Value now = list(arguments.values, Sequence::Kind::kTuple);
  const bool changed = !loop.has_changed || !equal(loop.changed, now, meter_);
  loop.has_changed = true, loop.changed = now;
  return Value::boolean(changed);
}

}  // namespace rw::chat
