// SPDX-License-Identifier: Apache-2.0
/// Members, items, slices, iteration and `in`. A member that is missing is undefined; a member of what is
/// undefined is an error, as jinja2's default Undefined has it.
#include <algorithm>
#include <charconv>

#include "chat/interpreter.h"
#include "chat/python_text.h"

namespace rw::chat {
namespace {

Value missing(const Value& of, const Value& name) {
  const std::string* text = name.as_text();
  const Value shown = text ? Value::text(text->substr(0, 60)) : name;
  return Value::undefined(fmt::format("'{}' object has no {} {}", of.type_name(),
                                      text ? "attribute" : "element", to_repr(shown, 200)));
}

void require_defined(const Value& value) {
  if (value.is_undefined()) fail("a value that is defined", std::get<Undefined>(value.data).why());
}

/// Python's slice.indices: start, stop, step for a length.
struct Range {
  std::int64_t start, stop, step;
};
Range slice_of(std::int64_t n, const Value& start, const Value& stop, const Value& step) {
  const auto bound = [&](const Value& value, std::int64_t otherwise, std::int64_t low, std::int64_t high) {
    if (value.is_none()) return otherwise;
    std::int64_t i = 0;
    if (!value.as_integer(i)) fail("whole numbers in a slice", std::string(value.type_name()));
    if (i < 0) i = i < -n ? low : i + n;
    return std::clamp(i, low, high);
  };
  std::int64_t by = 1;
  if (!step.is_none() && !step.as_integer(by))
    fail("a whole number as a step", std::string(step.type_name()));
  if (by == 0) fail("a step that is not 0", "0");
  if (by > 0) return {bound(start, 0, 0, n), bound(stop, n, 0, n), by};
  return {bound(start, n - 1, -1, n - 1), bound(stop, -1, -1, n - 1), by};
}

/// Characters start to stop - 1.
std::string_view cut_characters(std::string_view text, std::int64_t start, std::int64_t stop, Meter& meter) {
  text.remove_prefix(byte_of(text, start, meter));
  return text.substr(0, byte_of(text, stop - start, meter));
}

template <class Take>
void for_slice(const Range& range, std::int64_t n, const Take& take) {
  // A step beyond the length takes one item; the clamp keeps i + step inside 64 bits.
  const std::int64_t step = std::clamp(range.step, -n - 1, n + 1);
  for (std::int64_t i = range.start; step > 0 ? i < range.stop : i > range.stop; i += step)
    take(static_cast<std::size_t>(i));
}

}  // namespace

List Interpreter::items_of(const Value& value) {
  const auto pay_for = [&](std::size_t n) {
    spend_memory(n * sizeof(Value));
    meter_.work(n, 2 * Meter::kLook);
  };
  if (value.is_undefined()) return {};
  if (const Sequence* s = value.as_sequence()) {
    pay_for(s->items->size());
    return *s->items;
  }
  if (const auto* i = std::get_if<Iterator>(&value.data)) {
    pay_for(i->items->size() - *i->next);
    List rest(i->items->begin() + static_cast<std::ptrdiff_t>(*i->next), i->items->end());
    *i->next = i->items->size();
    return rest;
  }
  List items;
  if (const Dictionary* d = value.as_dictionary()) {
    pay_for(d->entries.size());
    for (const auto& [key, of] : d->entries) items.push_back(key);
    return items;
  }
  if (const std::string* s = value.as_text()) {
    for (const std::string_view c : characters(*s, meter_)) items.push_back(text(c));
    pay_for(items.size());
    return items;
  }
  fail("something to iterate over", fmt::format("a value of type {}", value.type_name()));
}

Value Interpreter::member(const Value& of, const std::string& name) {
  require_defined(of);
  if (auto* const* loop = std::get_if<LoopState*>(&of.data)) return loop_member(**loop, name);
  if (const Namespace* space = of.as_namespace()) {
    const Value* value = space->members.find(name, meter_);
    return value ? *value : missing(of, Value::text(name));
  }
  if (has_method(of, name)) return Value::of(Method{std::make_shared<Value>(of), name});
  if (changes_its_object(of, name))
    return Value::undefined(fmt::format("'{}' changes a {}, which no template may", name, of.type_name()));
  if (const Dictionary* d = of.as_dictionary()) {
    if (const Value* value = d->find(name, meter_)) return *value;
  }
  if (const auto* macro = std::get_if<Macro>(&of.data); macro && name == "name")
    return Value::text(macro->node->name);
  return missing(of, Value::text(name));
}

Value Interpreter::item(const Value& of, const Value& index) {
  require_defined(of);
  if (const Dictionary* d = of.as_dictionary()) {
    if (const Value* value = d->find(index, meter_)) return *value;
  }
  std::int64_t i = 0;
  if (index.as_integer(i)) {
    if (const Sequence* s = of.as_sequence(); s && s->kind != Sequence::Kind::kView) {
      const auto n = static_cast<std::int64_t>(s->items->size());
      if (i < 0) i += n;
      if (i >= 0 && i < n) return (*s->items)[static_cast<std::size_t>(i)];
    } else if (const std::string* s2 = of.as_text()) {
      const std::int64_t n = text_length(*s2, meter_);
      if (i < 0) i += n;
      if (i >= 0 && i < n) return text(cut_characters(*s2, i, i + 1, meter_));
    }
    return missing(of, index);
  }
  // As jinja2: what is no item may be an attribute.
  if (const std::string* name = index.as_text(); name && !of.as_dictionary()) return member(of, *name);
  if (const std::string* name = index.as_text(); name && has_method(of, *name))
    return Value::of(Method{std::make_shared<Value>(of), *name});
  return missing(of, index);
}

Value Interpreter::path(const Value& of, const Value& attribute) {
  const std::string* text = attribute.as_text();
  if (!text) return item(of, attribute);
  Value value = of;
  for (const std::string_view part : split_by(*text, ".", -1, false, meter_)) {
    spend(1);
    std::int64_t index = 0;
    const auto result = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = !part.empty() && part[0] != '-' && result.ptr == part.data() + part.size();
    value = item(value, number ? Value::integer(index) : this->text(part));
  }
  return value;
}

Value Interpreter::slice(const Expression& e, Scope& scope) {
  const Value of = evaluate(*e.parts[0], scope);
  Value bounds[3];
  for (std::size_t i = 0; i < 3; ++i)
    bounds[i] = e.parts[i + 1] ? evaluate(*e.parts[i + 1], scope) : Value::none();
  require_defined(of);
  if (const std::string* s = of.as_text()) {
    const std::int64_t n = text_length(*s, meter_);
    const Range range = slice_of(n, bounds[0], bounds[1], bounds[2]);
    if (range.step == 1) return text(cut_characters(*s, range.start, range.stop, meter_));
    const std::vector<std::string_view> all = characters(*s, meter_);
    std::string cut;
    for_slice(range, n, [&](std::size_t i) { cut += all[i]; });
    return text(std::move(cut));
  }
  if (const Sequence* s = of.as_sequence(); s && s->kind != Sequence::Kind::kView) {
    const auto n = static_cast<std::int64_t>(s->items->size());
    List cut;
    for_slice(slice_of(n, bounds[0], bounds[1], bounds[2]), n, [&](std::size_t i) {
      meter_.work(Meter::kLook);
      cut.push_back((*s->items)[i]);
    });
    return list(std::move(cut), s->kind);
  }
  fail("a list or text to slice", fmt::format("a value of type {}", of.type_name()));
}

bool Interpreter::contains(const Value& container, const Value& value) {
  if (const std::string* s = container.as_text()) {
    const std::string* part = value.as_text();
    if (!part) fail("text on the left of 'in' text", std::string(value.type_name()));
    return find_first(*s, *part, meter_) != std::string::npos;
  }
  if (const Dictionary* d = container.as_dictionary()) return d->find(value, meter_) != nullptr;
  if (container.is_undefined()) return false;
  const auto holds = [&](const Value& item) { return equal(item, value, meter_); };
  if (const Sequence* list = container.as_sequence())
    return std::any_of(list->items->begin(), list->items->end(), holds);
  if (std::get_if<Iterator>(&container.data)) {
    const List items = items_of(container);
    return std::any_of(items.begin(), items.end(), holds);
  }
  fail("a list, a dictionary or text on the right of 'in'", std::string(container.type_name()));
}

}  // namespace rw::chat
