// SPDX-License-Identifier: Apache-2.0
/// Methods of text and dictionaries. Those that change a list or dictionary do not exist, as in jinja2's
/// immutable sandbox.
#include <algorithm>
#include <map>

#include "chat/interpreter.h"
#include "chat/python_text.h"

namespace rw::chat {
namespace {

using TextMethod = Value (*)(Interpreter&, const std::string&, const Arguments&);

const std::string& text_argument(const Value* value, std::string_view what) {
  const std::string* text = value ? value->as_text() : nullptr;
  if (!text) fail(fmt::format("text for '{}'", what), value ? std::string(value->type_name()) : "nothing");
  return *text;
}

template <bool left, bool right>
Value strip_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("strip", {"chars"});
  const Value* of = arguments.get(0, "chars");
  const std::string* set = of && !of->is_none() ? &text_argument(of, "strip") : nullptr;
  return in.text(strip(text, set, left, right, in.meter()));
}

template <bool from_right>
Value split_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("split", {"sep", "maxsplit"});
  const Value* separator = arguments.get(0, "sep");
  const std::int64_t most = required_integer(arguments.get(1, "maxsplit"), -1, "maxsplit");
  List parts;
  if (!separator || separator->is_none()) {
    for (const std::string_view part : split_words(text, most, from_right, in.meter()))
      parts.push_back(in.text(part));
  } else {
    const std::string& by = text_argument(separator, "split");
    if (by.empty()) fail("a separator that is not empty", "an empty one");
    for (const std::string_view part : split_by(text, by, most, from_right, in.meter()))
      parts.push_back(in.text(part));
  }
  return in.list(std::move(parts));
}

/// startswith and endswith: one text or a tuple of them.
template <bool ends>
Value begins_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow(ends ? "endswith" : "startswith", {"prefix"});
  const Value* of = arguments.get(0, "prefix");
  const auto holds = [&](const Value& value) {
    const std::string& part = text_argument(&value, ends ? "endswith" : "startswith");
    in.meter().work(static_cast<std::size_t>(Meter::kLook) + std::min(part.size(), text.size()));
    return ends ? text.ends_with(part) : text.starts_with(part);
  };
  if (const Sequence* s = of ? of->as_sequence() : nullptr; s && s->kind == Sequence::Kind::kTuple)
    return Value::boolean(std::any_of(s->items->begin(), s->items->end(), holds));
  if (!of) fail("text to look for", "nothing");
  return Value::boolean(holds(*of));
}

template <bool from_right>
Value find_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("find", {"sub"});
  const std::string& part = text_argument(arguments.get(0, "sub"), "find");
  const std::size_t at = from_right ? find_last(text, part, in.meter()) : find_first(text, part, in.meter());
  if (at == text.npos) return Value::integer(-1);
  return Value::integer(text_length(std::string_view(text).substr(0, at), in.meter()));
}

Value index_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  Value at = find_method<false>(in, text, arguments);
  if (std::get<std::int64_t>(at.data) < 0) fail("text that contains what 'index' looks for", "other text");
  return at;
}

Value count_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("count", {"sub"});
  const std::string& part = text_argument(arguments.get(0, "sub"), "count");
  if (part.empty()) return Value::integer(text_length(text, in.meter()) + 1);
  return Value::integer(count_of(text, part, in.meter()));
}

Value replace_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("replace", {"old", "new", "count"});
  const std::string& old = text_argument(arguments.get(0, "old"), "replace");
  const std::string& with = text_argument(arguments.get(1, "new"), "replace");
  const std::int64_t most = required_integer(arguments.get(2, "count"), -1, "count");
  return in.text(replace(text, old, with, most, in.meter()));
}

Value join_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("join", {"iterable"});
  const Value* of = arguments.get(0, "iterable");
  if (!of) fail("a list to join", "nothing");
  std::string joined;
  bool first = true;
  for (const Value& part : in.items_of(*of)) {
    const std::string& one = text_argument(&part, "join");
    in.spend_memory(text.size() + one.size());
    in.meter().work(static_cast<std::size_t>(Meter::kLook) + text.size() + one.size());
    if (!std::exchange(first, false)) joined += text;
    joined += one;
  }
  return in.text(std::move(joined));
}

Value lines_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("splitlines", {"keepends"});
  const Value* keep = arguments.get(0, "keepends");
  List lines;
  for (const std::string_view line : split_lines(text, keep && keep->truth(), in.meter()))
    lines.push_back(in.text(line));
  return in.list(std::move(lines));
}

/// removeprefix and removesuffix.
template <bool suffix>
Value remove_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("remove", {"part"});
  const std::string& part = text_argument(arguments.get(0, "part"), suffix ? "removesuffix" : "removeprefix");
  std::string_view rest = text;
  if (suffix ? rest.ends_with(part) : rest.starts_with(part))
    rest = suffix ? rest.substr(0, rest.size() - part.size()) : rest.substr(part.size());
  return in.text(rest);
}

/// partition and rpartition.
template <bool from_right>
Value partition_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("partition", {"sep"});
  const std::string& by = text_argument(arguments.get(0, "sep"), "partition");
  if (by.empty()) fail("a separator that is not empty", "an empty one");
  const std::size_t at = from_right ? find_last(text, by, in.meter()) : find_first(text, by, in.meter());
  const std::string_view all = text;
  List three;
  if (at == text.npos && from_right)
    three = {Value::text(""), Value::text(""), in.text(all)};
  else if (at == text.npos)
    three = {in.text(all), Value::text(""), Value::text("")};
  else
    three = {in.text(all.substr(0, at)), in.text(by), in.text(all.substr(at + by.size()))};
  return in.list(std::move(three), Sequence::Kind::kTuple);
}

template <std::string (*change)(std::string_view, Meter&)>
Value case_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("a method of case", {});
  return in.text(change(text, in.meter()));
}

/// isdigit, isalpha ...: every character of text that is not empty. Beyond ASCII it is refused.
template <bool (*holds)(char)>
Value all_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("a method of kind", {});
  in.meter().work(text.size(), 2);
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) refuse("ASCII for a test of letters", "another script");
  return Value::boolean(!text.empty() && std::all_of(text.begin(), text.end(), holds));
}
bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool either(char c) { return digit(c) || letter(c); }

Value space_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  arguments.allow("isspace", {});
  in.meter().work(text.size());
  return Value::boolean(!text.empty() && leading_space(text) == text.size());
}

/// str.format with {} and {name} alone.
Value format_method(Interpreter& in, const std::string& text, const Arguments& arguments) {
  in.meter().work(text.size(), 2);
  std::string out;
  std::size_t automatic = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      out += c, ++i;
    } else if (c == '{') {
      const std::size_t end = text.find('}', i);
      if (end == text.npos) fail("'}' in a format", "its end");
      const std::string field = text.substr(i + 1, end - i - 1);
      if (field.find_first_of(".[!:{") != field.npos)
        refuse("{} or {name} in a format", fmt::format("'{{{}}}'", field));
      const bool number =
          !field.empty() && std::all_of(field.begin(), field.end(), digit) && field.size() < 9;
      const std::size_t place = field.empty() ? automatic++ : number ? std::stoul(field) : SIZE_MAX;
      in.meter().work(1 + arguments.keywords.size(), static_cast<std::size_t>(Meter::kLook) + field.size());
      const Value* value = arguments.get(place, field);
      if (!value) fail("a value for each field of a format", fmt::format("none for '{{{}}}'", field));
      out += in.str(*value);
      i = end;
    } else if (c == '}') {
      fail("'{' before '}' in a format", "none");
    } else {
      out += c;
    }
  }
  return in.text(std::move(out));
}

const std::map<std::string_view, TextMethod>& text_methods() {
  static const std::map<std::string_view, TextMethod> methods = {
      {"strip", strip_method<true, true>},
      {"lstrip", strip_method<true, false>},
      {"rstrip", strip_method<false, true>},
      {"split", split_method<false>},
      {"rsplit", split_method<true>},
      {"startswith", begins_method<false>},
      {"endswith", begins_method<true>},
      {"find", find_method<false>},
      {"rfind", find_method<true>},
      {"index", index_method},
      {"count", count_method},
      {"replace", replace_method},
      {"join", join_method},
      {"splitlines", lines_method},
      {"removeprefix", remove_method<false>},
      {"removesuffix", remove_method<true>},
      {"partition", partition_method<false>},
      {"rpartition", partition_method<true>},
      {"upper", case_method<upper>},
      {"lower", case_method<lower>},
      {"title", case_method<title>},
      {"capitalize", case_method<capitalize>},
      {"isdigit", all_method<digit>},
      {"isalpha", all_method<letter>},
      {"isalnum", all_method<either>},
      {"isspace", space_method},
      {"format", format_method},
  };
  return methods;
}

/// Python's names that are neither here nor a key: they are refused, not undefined.
constexpr std::string_view kOtherText[] = {
    "casefold",     "center",  "encode",    "expandtabs",  "format_map", "isascii", "isdecimal",
    "isidentifier", "islower", "isnumeric", "isprintable", "istitle",    "isupper", "ljust",
    "rindex",       "rjust",   "swapcase",  "translate",   "zfill"};
constexpr std::string_view kDictionary[] = {"items", "keys", "values", "get", "copy", "fromkeys"};
constexpr std::string_view kList[] = {"index", "count", "copy"};
/// jinja2's sandbox calls them unsafe: undefined as attributes.
constexpr std::string_view kChanging[] = {"append",  "clear",   "extend",     "insert", "pop",   "remove",
                                          "popitem", "reverse", "setdefault", "sort",   "update"};

template <std::size_t n>
bool holds(const std::string_view (&names)[n], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Value dictionary_method(Interpreter& in, const Dictionary& d, const std::string& name,
                        const Arguments& arguments) {
  if (name == "get") {
    arguments.allow(name, {"key", "default"});
    const Value *key = arguments.get(0, "key"), *otherwise = arguments.get(1, "default");
    if (!key) fail("a key for get()", "nothing");
    if (const Value* value = d.find(*key, in.meter())) return *value;
    return otherwise ? *otherwise : Value::none();
  }
  arguments.allow(name, {});
  if (name == "copy") return Value::dictionary(in.copy(d));
  List items;
  in.meter().work(d.entries.size(), Meter::kLook);
  for (const auto& [key, value] : d.entries) {
    if (name == "items")
      items.push_back(in.list({key, value}, Sequence::Kind::kTuple));
    else if (name == "keys")
      items.push_back(key);
    else if (name == "values")
      items.push_back(value);
  }
  if (name == "fromkeys") refuse("a method of dictionaries that chat templates use", "'fromkeys'");
  return in.list(std::move(items), Sequence::Kind::kView);
}

Value list_method(Interpreter& in, const Value& of, const std::string& name, const Arguments& arguments) {
  const List& items = *of.as_sequence()->items;
  if (name == "copy") return in.list(in.items_of(of));
  arguments.allow(name, {"value"});
  const Value* value = arguments.get(0, "value");
  if (!value) fail("a value to look for", "nothing");
  std::int64_t n = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!equal(items[i], *value, in.meter())) continue;
    if (name == "index") return Value::integer(static_cast<std::int64_t>(i));
    ++n;
  }
  if (name == "index") fail("a list that contains the value", "one without it");
  return Value::integer(n);
}

}  // namespace

bool changes_its_object(const Value& of, std::string_view name) {
  const Sequence* s = of.as_sequence();
  return (of.as_dictionary() || (s && s->kind == Sequence::Kind::kList)) && holds(kChanging, name);
}

bool has_method(const Value& of, std::string_view name) {
  if (of.as_text()) return text_methods().contains(name) || holds(kOtherText, name);
  if (of.as_dictionary()) return holds(kDictionary, name);
  if (const Sequence* s = of.as_sequence())
    return s->kind == Sequence::Kind::kList || s->kind == Sequence::Kind::kTuple ? holds(kList, name) : false;
  if (std::get_if<SafeText>(&of.data))
    refuse("text that 'safe' was not applied to", fmt::format("'.{}' of it", name));
  return false;
}

Value call_method(Interpreter& in, const Value& of, const std::string& name, const Arguments& arguments) {
  if (const std::string* text = of.as_text()) {
    const auto method = text_methods().find(name);
    if (method == text_methods().end())
      refuse("a method of text that chat templates use", fmt::format("'{}'", name));
    return method->second(in, *text, arguments);
  }
  if (const Dictionary* d = of.as_dictionary()) return dictionary_method(in, *d, name, arguments);
  return list_method(in, of, name, arguments);
}

}  // namespace rw::chat
