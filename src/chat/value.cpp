// SPDX-License-Identifier: Apache-2.0
#include "chat/value.h"

#include <cmath>

#include "chat/failure.h"
#include "chat/meter.h"

namespace rw::chat {

const std::string& Undefined::why() const {
  static const std::string nothing;
  return reason ? *reason : nothing;
}

void Extent::hold(const Value& value) {
  constexpr int kMaxDepth = 64;
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  const Extent inner = value.extent();
  depth = std::max(depth, inner.depth + 1);
  weight = std::min(kMost, weight + inner.weight);
  if (depth > kMaxDepth) fail(fmt::format("values at most {} deep", kMaxDepth), "a deeper one");
}

Extent Value::extent() const {
  if (const std::string* s = as_text()) return {0, 1 + static_cast<std::int64_t>(s->size() / 256)};
  if (const Sequence* s = as_sequence()) return s->extent;
  if (const auto* i = std::get_if<Iterator>(&data)) return i->extent;
  if (const Dictionary* d = as_dictionary()) return d->extent;
  if (const auto* m = std::get_if<Method>(&data)) {
    Extent extent;
    extent.hold(*m->of);
    return extent;
  }
  return {};
}

Value Value::list(List items, Sequence::Kind kind) {
  Extent extent;
  for (const Value& item : items) extent.hold(item);
  return of(Sequence{kind, extent, std::make_shared<const List>(std::move(items))});
}

Value Value::iterator(List items) {
  Extent extent;
  for (const Value& item : items) extent.hold(item);
  return of(
      Iterator{extent, std::make_shared<const List>(std::move(items)), std::make_shared<std::size_t>(0)});
}

const Value* Dictionary::find(const Value& key, Meter& meter) const {
  const std::size_t at = place(key, meter);
  return at < entries.size() ? &entries[at].second : nullptr;
}

const Value* Dictionary::find(std::string_view key, Meter& meter) const {
  meter.work(entries.size(), Meter::kLook);
  for (const auto& [name, value] : entries)
    if (const std::string* text = name.as_text(); text && meter.same(*text, key)) return &value;
  return nullptr;
}

std::size_t Dictionary::place(const Value& key, Meter& meter) const {
  std::size_t at = 0;
  while (at < entries.size() && !equal(entries[at].first, key, meter)) ++at;
  return at;
}

void Dictionary::put(Value key, Value value, Meter& meter) {
  if (const std::size_t at = place(key, meter); at < entries.size()) {
    extent.hold(value);
    entries[at].second = std::move(value);
    return;
  }
  meter.work(Meter::kValue);
  meter.memory(2 * sizeof(Value));
  add(std::move(key), std::move(value));
}

void Dictionary::add(Value key, Value value) {
  extent.hold(key), extent.hold(value);
  entries.emplace_back(std::move(key), std::move(value));
}

Value Value::from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return boolean(json.get<bool>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        return number(json.get<double>());
      return integer(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return number(json.get<double>());
    case Json::value_t::string:
      return text(json.get<std::string>());
    case Json::value_t::array: {
      List items;
      for (const Json& item : json) items.push_back(from_json(item));
      return list(std::move(items));
    }
    case Json::value_t::object: {
      Dictionary d;
      for (const auto& [key, item] : json.items()) d.add(text(key), from_json(item));
      return dictionary(std::move(d));
    }
    default:
      return none();
  }
}

bool Value::as_integer(std::int64_t& i) const {
  if (const auto* b = std::get_if<bool>(&data)) return i = *b ? 1 : 0, true;
  if (const auto* n = std::get_if<std::int64_t>(&data)) return i = *n, true;
  return false;
}

bool Value::as_number(double& d) const {
  std::int64_t i = 0;
  if (as_integer(i)) return d = static_cast<double>(i), true;
  if (const auto* n = std::get_if<double>(&data)) return d = *n, true;
  return false;
}

bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  double d = 0;
  if (as_number(d)) return d != 0;
  if (const std::string* s = as_text()) return !s->empty();
  if (const auto* s = std::get_if<SafeText>(&data)) return !s->text->empty();
  if (const Sequence* s = as_sequence()) return !s->items->empty();
  if (const Dictionary* d2 = as_dictionary()) return !d2->entries.empty();
  return true;
}

std::string_view Value::type_name() const {
  static constexpr std::string_view kNames[] = {
      "Undefined", "NoneType", "bool",      "int",   "float",    "str",    "Markup",     "list",
      "generator", "dict",     "Namespace", "Macro", "function", "method", "LoopContext"};
  static_assert(std::size(kNames) == std::variant_size_v<Data>);
  if (const Sequence* s = as_sequence()) {
    static constexpr std::string_view kKinds[] = {"list", "tuple", "range", "dict view"};
    return kKinds[static_cast<std::size_t>(s->kind)];
  }
  return kNames[data.index()];
}

namespace {

bool equal_lists(const List& a, const List& b, Meter& meter) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!equal(a[i], b[i], meter)) return false;
  return true;
}

}  // namespace

bool equal(const Value& a, const Value& b, Meter& meter) {
  meter.work(Meter::kLook);
  std::int64_t i = 0, j = 0;
  if (a.as_integer(i) && b.as_integer(j)) return i == j;
  double x = 0, y = 0;
  if (a.as_number(x) && b.as_number(y)) return x == y;
  if (a.data.index() != b.data.index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (const std::string* s = a.as_text()) return meter.same(*s, *b.as_text());
  if (const auto* s = std::get_if<SafeText>(&a.data))
    return meter.same(*s->text, *std::get<SafeText>(b.data).text);
  if (const Sequence* s = a.as_sequence()) {
    const Sequence* t = b.as_sequence();
    return s->kind == t->kind && equal_lists(*s->items, *t->items, meter);
  }
  if (const Dictionary* d = a.as_dictionary()) {
    const Dictionary* e = b.as_dictionary();
    if (d->entries.size() != e->entries.size()) return false;
    for (const auto& [key, value] : d->entries) {
      const Value* other = e->find(key, meter);
      if (!other || !equal(value, *other, meter)) return false;
    }
    return true;
  }
  if (const auto* f = std::get_if<Function>(&a.data)) return f->name == std::get<Function>(b.data).name;
  if (const auto* m = std::get_if<Macro>(&a.data)) return m->node == std::get<Macro>(b.data).node;
  if (const Namespace* n = a.as_namespace()) return n == b.as_namespace();
  return false;
}

int compare(const Value& a, const Value& b, Meter& meter) {
  meter.work(Meter::kLook);
  std::int64_t i = 0, j = 0;
  if (a.as_integer(i) && b.as_integer(j)) return i < j ? -1 : i > j ? 1 : 0;
  double x = 0, y = 0;
  if (a.as_number(x) && b.as_number(y)) return x < y ? -1 : x > y ? 1 : 0;
  if (a.as_text() && b.as_text()) {
    meter.work(std::min(a.as_text()->size(), b.as_text()->size()));
    const int order = a.as_text()->compare(*b.as_text());  // UTF-8 keeps the order of code points
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  const Sequence *s = a.as_sequence(), *t = b.as_sequence();
  if (s && t && s->kind == t->kind) {
    for (std::size_t k = 0; k < std::min(s->items->size(), t->items->size()); ++k)
      if (!equal((*s->items)[k], (*t->items)[k], meter))
        return compare((*s->items)[k], (*t->items)[k], meter);
    return s->items->size() < t->items->size() ? -1 : s->items->size() > t->items->size() ? 1 : 0;
  }
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) fail("a value that is defined", std::get<Undefined>(v->data).why());
  fail("values that have an order", fmt::format("{} and {}", a.type_name(), b.type_name()));
}

}  // namespace rw::chat
