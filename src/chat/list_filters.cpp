// SPDX-License-Identifier: Apache-2.0
/// Filters of lists and dictionaries. Those that are generators in jinja2 give an Iterator here: it is true,
/// has no length, and is empty once it was read.
#include <algorithm>
#include <map>

#include "chat/filters.h"
#include "chat/python_text.h"

namespace rw::chat {
namespace {

Value lowered(Interpreter& in, const Value& value) {
  const std::string* text = value.as_text();
  return text ? in.text(lower(*text, in.meter())) : value;
}

bool flag(const Arguments& arguments, std::size_t place, std::string_view name) {
  const Value* value = arguments.get(place, name);
  return value && value->truth();
}

Value first(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("first", {});
  if (const auto* i = std::get_if<Iterator>(&value.data)) {
    if (*i->next < i->items->size()) return (*i->items)[(*i->next)++];
    return Value::undefined("no first item, sequence was empty");
  }
  if (const Sequence* s = value.as_sequence(); s && !s->items->empty()) return s->items->front();
  const List items = in.items_of(value);
  return items.empty() ? Value::undefined("no first item, sequence was empty") : items[0];
}

Value last(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("last", {});
  if (std::get_if<Iterator>(&value.data)) fail("a list for 'last'", "a generator: put '| list' before it");
  if (const Sequence* s = value.as_sequence(); s && !s->items->empty()) return s->items->back();
  const List items = in.items_of(value);
  return items.empty() ? Value::undefined("no last item, sequence was empty") : items.back();
}

Value list_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("list", {});
  return in.list(in.items_of(value));
}

Value items(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("items", {});
  if (value.is_undefined()) return in.iterator({});
  const Dictionary* d = value.as_dictionary();
  if (!d) fail("a dictionary for 'items'", std::string(value.type_name()));
  List pairs;
  for (const auto& [key, of] : d->entries) pairs.push_back(in.list({key, of}, Sequence::Kind::kTuple));
  return in.iterator(std::move(pairs));
}

Value join(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("join", {"d", "attribute"});
  const Value *between = arguments.get(0, "d"), *attribute = arguments.get(1, "attribute");
  const std::string separator = between ? in.str(*between) : "";
  std::string joined;
  bool begins = true;
  for (const Value& item : in.items_of(value)) {
    if (!begins) in.spend_memory(separator.size()), joined += separator;
    in.meter().work(static_cast<std::size_t>(Meter::kLook) + separator.size());
    begins = false;
    joined += in.str(attribute && !attribute->is_none() ? in.path(item, *attribute) : item);
  }
  return in.text(std::move(joined));
}

Value map_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  if (!value.truth()) return in.iterator({});
  List mapped;
  const List all = in.items_of(value);
  if (arguments.values.empty()) {
    const Value *attribute = nullptr, *otherwise = nullptr;
    for (const auto& [key, of] : arguments.keywords) {
      if (key == "attribute")
        attribute = &of;
      else if (key == "default")
        otherwise = &of;
      else
        fail("attribute and default for 'map'", fmt::format("'{}'", key));
    }
    if (!attribute) fail("a filter or an attribute for 'map'", "neither");
    for (const Value& item : all) {
      in.spend(1);
      Value of = in.path(item, *attribute);
      if (of.is_undefined() && otherwise && !otherwise->is_none()) of = *otherwise;
      mapped.push_back(std::move(of));
    }
    return in.iterator(std::move(mapped));
  }
  const std::string* name = arguments.values[0].as_text();
  if (!name) fail("the name of a filter for 'map'", std::string(arguments.values[0].type_name()));
  Arguments rest = arguments;
  rest.values.erase(rest.values.begin());
  for (const Value& item : all) in.spend(1), mapped.push_back(in.filter(*name, item, rest));
  return in.iterator(std::move(mapped));
}

/// select, reject, selectattr, rejectattr.
template <bool keep, bool by_attribute>
Value select(Interpreter& in, const Value& value, const Arguments& arguments) {
  if (!value.truth()) return in.iterator({});
  Arguments rest = arguments;
  Value attribute;
  if (by_attribute) {
    if (rest.values.empty()) fail("an attribute's name", "nothing");
    attribute = rest.values[0];
    rest.values.erase(rest.values.begin());
  }
  std::string name;
  if (!rest.values.empty()) {
    const std::string* text = rest.values[0].as_text();
    if (!text) fail("the name of a test", std::string(rest.values[0].type_name()));
    name = *text;
    rest.values.erase(rest.values.begin());
  }
  List chosen;
  for (const Value& item : in.items_of(value)) {
    in.spend(1);
    const Value of = by_attribute ? in.path(item, attribute) : item;
    if ((name.empty() ? of.truth() : in.test(name, of, rest)) == keep) chosen.push_back(item);
  }
  return in.iterator(std::move(chosen));
}

Value reverse(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("reverse", {});
  if (const std::string* text = value.as_text()) {
    std::vector<std::string_view> all = characters(*text, in.meter());
    std::string reversed;
    for (auto c = all.rbegin(); c != all.rend(); ++c) reversed += *c;
    return in.text(std::move(reversed));
  }
  List items = in.items_of(value);
  std::reverse(items.begin(), items.end());
  if (std::get_if<Iterator>(&value.data)) return in.list(std::move(items));
  return in.iterator(std::move(items));
}

/// Items with what they are ordered or compared by.
std::vector<std::pair<List, Value>> keyed(Interpreter& in, const Value& value, const Value* attribute,
                                          bool case_sensitive, bool several) {
  List paths;
  if (const std::string* text = attribute ? attribute->as_text() : nullptr) {
    for (const std::string_view one :
         several ? split_by(*text, ",", -1, false, in.meter()) : std::vector<std::string_view>{*text})
      paths.push_back(in.text(one));
  } else if (attribute && !attribute->is_none()) {
    paths.push_back(*attribute);
  }
  std::vector<std::pair<List, Value>> pairs;
  for (const Value& item : in.items_of(value)) {
    in.spend_memory((2 + paths.size()) * sizeof(Value));
    in.meter().work(2 + paths.size(), Meter::kValue);
    List keys;
    if (paths.empty()) keys.push_back(item);
    for (const Value& path : paths) keys.push_back(in.path(item, path));
    if (!case_sensitive)
      for (Value& key : keys) key = lowered(in, key);
    pairs.emplace_back(std::move(keys), item);
  }
  return pairs;
}

int compare_keys(Interpreter& in, const List& a, const List& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (const int order = compare(a[i], b[i], in.meter())) return order;
  }
  return 0;
}

Value sort(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("sort", {"reverse", "case_sensitive", "attribute"});
  auto pairs = keyed(in, value, arguments.get(2, "attribute"), flag(arguments, 1, "case_sensitive"), true);
  const bool down = flag(arguments, 0, "reverse");
  std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) {
    const int order = compare_keys(in, a.first, b.first);
    return down ? order > 0 : order < 0;
  });
  List sorted;
  for (auto& [keys, item] : pairs) sorted.push_back(std::move(item));
  return in.list(std::move(sorted));
}

Value unique(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("unique", {"case_sensitive", "attribute"});
  List kept, seen;
  for (auto& [keys, item] :
       keyed(in, value, arguments.get(1, "attribute"), flag(arguments, 0, "case_sensitive"), false)) {
    const Value& key = keys[0];
    const auto is_key = [&](const Value& old) { return equal(old, key, in.meter()); };
    if (std::any_of(seen.begin(), seen.end(), is_key)) continue;
    seen.push_back(key);
    kept.push_back(std::move(item));
  }
  return in.iterator(std::move(kept));
}

/// min and max.
template <bool greatest>
Value extreme(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow(greatest ? "max" : "min", {"case_sensitive", "attribute"});
  auto pairs = keyed(in, value, arguments.get(1, "attribute"), flag(arguments, 0, "case_sensitive"), false);
  if (pairs.empty()) return Value::undefined("no aggregated item, sequence was empty");
  std::size_t best = 0;
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    const int order = compare_keys(in, pairs[i].first, pairs[best].first);
    if (greatest ? order > 0 : order < 0) best = i;
  }
  return pairs[best].second;
}

Value sum(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("sum", {"attribute", "start"});
  const Value *attribute = arguments.get(0, "attribute"), *start = arguments.get(1, "start");
  Value total = start ? *start : Value::integer(0);
  for (const Value& item : in.items_of(value))
    total = in.arithmetic("+", total, attribute && !attribute->is_none() ? in.path(item, *attribute) : item);
  return total;
}

Value dict_sort(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("dictsort", {"case_sensitive", "by", "reverse"});
  const Dictionary* d = value.as_dictionary();
  if (!d) fail("a dictionary for 'dictsort'", std::string(value.type_name()));
  const bool case_sensitive = flag(arguments, 0, "case_sensitive"), down = flag(arguments, 2, "reverse");
  const Value* by = arguments.get(1, "by");
  const std::string by_what = by && by->as_text() ? by->as_text()->substr(0, 8) : "";
  const bool by_value = by_what == "value";
  if (by && !by_value && by_what != "key") fail("'key' or 'value' to sort by", "another");
  std::vector<std::pair<List, Value>> pairs;
  for (const auto& [key, of] : d->entries) {
    const Value& sorted_by = by_value ? of : key;
    pairs.emplace_back(List{case_sensitive ? sorted_by : lowered(in, sorted_by)},
                       in.list({key, of}, Sequence::Kind::kTuple));
  }
  std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) {
    const int order = compare_keys(in, a.first, b.first);
    return down ? order > 0 : order < 0;
  });
  List sorted;
  for (auto& [keys, pair] : pairs) sorted.push_back(std::move(pair));
  return in.list(std::move(sorted));
}

Value batch(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("batch", {"linecount", "fill_with"});
  const std::int64_t n = required_integer(arguments.get(0, "linecount"), 0, "linecount");
  if (n < 1 || n > 100000) fail("batches of 1 to 100000", std::to_string(n));
  List batches, one;
  for (Value& item : in.items_of(value)) {
    if (static_cast<std::int64_t>(one.size()) == n) batches.push_back(in.list(std::exchange(one, {})));
    one.push_back(std::move(item));
  }
  const Value* fill = arguments.get(1, "fill_with");
  if (!one.empty()) {
    const auto missing = static_cast<std::size_t>(n) - one.size();
    if (fill && !fill->is_none())
      in.spend_memory(missing * sizeof(Value)), one.resize(one.size() + missing, *fill);
    batches.push_back(in.list(std::move(one)));
  }
  return in.iterator(std::move(batches));
}

Value attribute(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("attr", {"name"});
  const Value* name = arguments.get(0, "name");
  if (!name || !name->as_text()) fail("the name of an attribute", "something else");
  if (value.as_dictionary() && !has_method(value, *name->as_text()))
    return Value::undefined(fmt::format("'dict' object has no attribute '{}'", *name->as_text()));
  return in.member(value, *name->as_text());
}

}  // namespace

Filter find_list_filter(std::string_view name) {
  static const std::map<std::string_view, Filter> filters = {
      {"attr", attribute},
      {"batch", batch},
      {"dictsort", dict_sort},
      {"first", first},
      {"items", items},
      {"join", join},
      {"last", last},
      {"list", list_filter},
      {"map", map_filter},
      {"max", extreme<true>},
      {"min", extreme<false>},
      {"reject", select<false, false>},
      {"rejectattr", select<false, true>},
      {"reverse", reverse},
      {"select", select<true, false>},
      {"selectattr", select<true, true>},
      {"sort", sort},
      {"sum", sum},
      {"unique", unique},
  };
  const auto found = filters.find(name);
  return found == filters.end() ? nullptr : found->second;
}

Value Interpreter::filter(const std::string& name, const Value& value, const Arguments& arguments) {
  if (const Filter of_text = find_text_filter(name)) return of_text(*this, value, arguments);
  if (const Filter of_lists = find_list_filter(name)) return of_lists(*this, value, arguments);
  refuse("a filter that chat templates use", fmt::format("'| {}'", name.substr(0, 40)));
}

}  // namespace rw::chat
