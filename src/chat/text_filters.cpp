// SPDX-License-Identifier: Apache-2.0
/// Filters that give text, a number or the value itself.
#include <charconv>
#include <cmath>
#include <map>

#include "chat/filters.h"
#include "chat/python_text.h"

namespace rw::chat {
namespace {

Value trim(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("trim", {"chars"});
  const Value* of = arguments.get(0, "chars");
  const std::string* set = of ? of->as_text() : nullptr;
  if (of && !of->is_none() && !set) fail("text for 'trim'", std::string(of->type_name()));
  const std::string text = in.str(value);
  return in.text(strip(text, set, true, true, in.meter()));
}

template <std::string (*change)(std::string_view, Meter&)>
Value change_case(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("a filter of case", {});
  return in.text(change(in.str(value), in.meter()));
}

Value replace_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("replace", {"old", "new", "count"});
  const Value *old = arguments.get(0, "old"), *with = arguments.get(1, "new");
  if (!old || !with) fail("two texts for 'replace'", "fewer");
  const std::int64_t most = required_integer(arguments.get(2, "count"), -1, "count");
  return in.text(replace(in.str(value), in.str(*old), in.str(*with), most, in.meter()));
}

Value string(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("string", {});
  if (std::get_if<SafeText>(&value.data)) return value;
  return in.text(in.str(value));
}

Value safe(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("safe", {});
  return Value::of(SafeText{std::make_shared<const std::string>(in.str(value))});
}

Value default_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  arguments.allow("default", {"default_value", "boolean"});
  const Value *otherwise = arguments.get(0, "default_value"), *boolean = arguments.get(1, "boolean");
  const bool missing = value.is_undefined() || (boolean && boolean->truth() && !value.truth());
  if (!missing) return value;
  return otherwise ? *otherwise : Value::text("");
}

Value indent(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("indent", {"width", "first", "blank"});
  const Value *width = arguments.get(0, "width"), *first = arguments.get(1, "first"),
              *blank = arguments.get(2, "blank");
  std::string indention;
  if (const std::string* s = width ? width->as_text() : nullptr) {
    indention = *s;
  } else {
    const std::int64_t n = std::max<std::int64_t>(0, required_integer(width, 4, "width"));
    if (n > 4096) fail("an indention of at most 4096", std::to_string(n));
    indention.assign(static_cast<std::size_t>(n), ' ');
  }
  const std::string* text = value.as_text();
  if (!text) fail("text to indent", std::string(value.type_name()));
  in.spend_memory(text->size());
  const std::string ended = *text + "\n";
  std::string out = first && first->truth() ? indention : "";
  bool begins = true;
  for (const std::string_view line : split_lines(ended, false, in.meter())) {
    if (!begins) out += '\n';
    if (!begins && (!line.empty() || (blank && blank->truth()))) out += indention;
    out += line;
    begins = false;
    if (out.size() > in.memory_left()) fail("a template of bounded memory", "an indention");
  }
  return in.text(std::move(out));
}

Value to_json_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  if (const Value* v = arguments.get(0, "ensure_ascii")) style.ensure_ascii = v->truth();
  if (const Value* v = arguments.get(1, "indent"); v && !v->is_none()) {
    style.indented = true;
    style.item_separator.assign(1, ',');
    if (const std::string* s = v->as_text()) {
      style.indent = *s;
    } else {
      const std::int64_t n = std::max<std::int64_t>(0, required_integer(v, 0, "indent"));
      if (n > 4096) fail("an indention of at most 4096", std::to_string(n));
      style.indent.assign(static_cast<std::size_t>(n), ' ');
    }
  }
  if (const Value* v = arguments.get(2, "separators"); v && !v->is_none()) {
    const List two = in.items_of(*v);
    if (two.size() != 2 || !two[0].as_text() || !two[1].as_text())
      fail("two texts as separators", "something else");
    style.item_separator = *two[0].as_text(), style.key_separator = *two[1].as_text();
  }
  if (const Value* v = arguments.get(3, "sort_keys")) style.sort_keys = v->truth();
  in.spend(value.extent().weight);
  return in.text(to_json(value, style, in.meter()));
}

/// float(text) of Python, as far as from_chars agrees; nan and inf included.
bool parse_number(std::string_view text, double& number, Meter& meter) {
  meter.work(text.size(), 4);
  text = strip(text, nullptr, true, true, meter);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
}

Value int_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("int", {"default", "base"});
  if (required_integer(arguments.get(1, "base"), 10, "base") != 10) refuse("base 10 for 'int'", "another");
  const Value* otherwise = arguments.get(0, "default");
  Value fallback = otherwise ? *otherwise : Value::integer(0);
  std::int64_t i = 0;
  if (value.as_integer(i)) return Value::integer(i);
  if (value.is_undefined()) fail("a value that is defined", std::get<Undefined>(value.data).why());
  double d = 0;
  if (const std::string* s = value.as_text()) {
    std::string_view digits = strip(*s, nullptr, true, true, in.meter());
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), i);
    if (!digits.empty() && result.ec == std::errc() && result.ptr == digits.data() + digits.size())
      return Value::integer(i);
    if (!parse_number(*s, d, in.meter())) return fallback;
  } else if (!value.as_number(d)) {
    return fallback;
  }
  if (!std::isfinite(d)) return fallback;
  if (std::fabs(d) >= 9.2e18) refuse("whole numbers of 64 bits", "a greater one from 'int'");
  return Value::integer(static_cast<std::int64_t>(d));
}

Value float_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("float", {"default"});
  if (value.is_undefined()) fail("a value that is defined", std::get<Undefined>(value.data).why());
  double d = 0;
  if (value.as_number(d)) return Value::number(d);
  if (const std::string* s = value.as_text(); s && parse_number(*s, d, in.meter())) return Value::number(d);
  const Value* otherwise = arguments.get(0, "default");
  return otherwise ? *otherwise : Value::number(0);
}

Value abs_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("abs", {});
  double d = 0;
  if (!value.as_number(d)) fail("a number for 'abs'", std::string(value.type_name()));
  return d < 0 ? in.arithmetic("-", Value::integer(0), value) : in.arithmetic("+", Value::integer(0), value);
}

Value round_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  arguments.allow("round", {"precision", "method"});
  const std::int64_t precision = required_integer(arguments.get(0, "precision"), 0, "precision");
  const Value* method = arguments.get(1, "method");
  const std::string how = method && method->as_text() ? *method->as_text() : "common";
  double d = 0;
  if (!value.as_number(d)) fail("a number for 'round'", std::string(value.type_name()));
  if (precision < 0 || precision > 15) refuse("a precision from 0 to 15", std::to_string(precision));
  std::int64_t i = 0;
  if (how == "common" && value.as_integer(i)) return Value::integer(i);
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (how == "ceil") return Value::number(std::ceil(d * scale) / scale);
  if (how == "floor") return Value::number(std::floor(d * scale) / scale);
  if (how != "common") fail("common, ceil or floor", fmt::format("'{}'", how));
  if (!std::isfinite(d)) return Value::number(d);
  const std::string digits = fmt::format("{:.{}f}", d, precision);  // rounds the exact value, as Python
  double rounded = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  return Value::number(rounded);
}

Value word_count(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("wordcount", {});
  const std::string text = in.str(value);
  std::int64_t n = 0;
  bool inside = false;
  for (const std::string_view c : characters(text, in.meter())) {
    const bool word = static_cast<unsigned char>(c[0]) < 0x80
                          ? std::isalnum(static_cast<unsigned char>(c[0])) || c == "_"
                          : true;
    if (static_cast<unsigned char>(c[0]) >= 0x80) refuse("ASCII for 'wordcount'", "another script");
    n += word && !inside;
    inside = word;
  }
  return Value::integer(n);
}

/// printf's %s, %d, %i, %f, %r and %%, without flags and widths but for %.Nf.
Value format(Interpreter& in, const Value& value, const Arguments& arguments) {
  if (!arguments.keywords.empty()) refuse("'format' with values in order", "names");
  const std::string text = in.str(value);
  in.meter().work(text.size(), 2);
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (++i < text.size() && text[i] == '%') {
      out += '%';
      continue;
    }
    int precision = 6;
    if (i + 1 < text.size() && text[i] == '.' && text[i + 1] >= '0' && text[i + 1] <= '9')
      precision = text[i + 1] - '0', i += 2;
    const char type = i < text.size() ? text[i] : ' ';
    if (next >= arguments.values.size()) fail("a value for each % of a format", "too few");
    const Value& one = arguments.values[next++];
    in.spend(1);
    double d = 0;
    if (type == 's')
      out += in.str(one);
    else if (type == 'r')
      out += to_repr(one, in.memory_left());
    else if ((type == 'd' || type == 'i') && one.as_number(d) && std::fabs(d) < 9e18)
      out += std::to_string(static_cast<std::int64_t>(d));
    else if (type == 'f' && one.as_number(d))
      out += fmt::format("{:.{}f}", d, precision);
    else
      refuse("%s, %d, %f, %r with values of their kind", fmt::format("'%{}'", type));
    if (out.size() > in.memory_left()) fail("a template of bounded memory", "a format");
  }
  if (next != arguments.values.size()) fail("a % for each value of a format", "too many values");
  return in.text(std::move(out));
}

Value length(Interpreter& in, const Value& value, const Arguments& arguments) {
  arguments.allow("length", {});
  if (value.is_undefined()) return Value::integer(0);
  if (const std::string* s = value.as_text()) return Value::integer(text_length(*s, in.meter()));
  if (const Sequence* s = value.as_sequence())
    return Value::integer(static_cast<std::int64_t>(s->items->size()));
  if (const Dictionary* d = value.as_dictionary())
    return Value::integer(static_cast<std::int64_t>(d->entries.size()));
  fail("something with a length", fmt::format("a value of type {}", value.type_name()));
}

}  // namespace

Filter find_text_filter(std::string_view name) {
  static const std::map<std::string_view, Filter> filters = {
      {"abs", abs_filter},
      {"capitalize", change_case<capitalize>},
      {"count", length},
      {"d", default_filter},
      {"default", default_filter},
      {"float", float_filter},
      {"format", format},
      {"indent", indent},
      {"int", int_filter},
      {"length", length},
      {"lower", change_case<lower>},
      {"replace", replace_filter},
      {"round", round_filter},
      {"safe", safe},
      {"string", string},
      {"title", change_case<title_filter>},
      {"tojson", to_json_filter},
      {"trim", trim},
      {"upper", change_case<upper>},
      {"wordcount", word_count},
  };
  const auto found = filters.find(name);
  return found == filters.end() ? nullptr : found->second;
}

}  // namespace rw::chat
