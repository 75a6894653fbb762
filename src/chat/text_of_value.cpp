// SPDX-License-Identifier: Apache-2.0
/// str, repr and json.dumps. All of them stop at a number of bytes: a list can hold itself many times over.
#include <cmath>

#include "chat/meter.h"
#include "chat/python_text.h"
#include "chat/value.h"

namespace rw::chat {
namespace {

void check_size(const std::string& out, std::size_t max_bytes) {
  if (out.size() > max_bytes) fail("a template of bounded memory", "a longer text than any prompt has");
}

class Printer {
 public:
  Printer(std::string& out, std::size_t max_bytes) : out_(out), max_bytes_(max_bytes) {}

  void repr(const Value& value) {
    check_size(out_, max_bytes_);
    if (const std::string* s = value.as_text()) return append_repr(out_, *s);
    if (const Sequence* s = value.as_sequence()) return repr_sequence(*s);
    if (const Dictionary* d = value.as_dictionary()) return repr_dictionary(*d);
    str(value);
  }

  void str(const Value& value) {
    if (value.is_undefined()) return;
    if (value.is_none()) return add("None");
    if (const auto* b = std::get_if<bool>(&value.data)) return add(*b ? "True" : "False");
    if (const auto* i = std::get_if<std::int64_t>(&value.data)) return add(std::to_string(*i));
    if (const auto* d = std::get_if<double>(&value.data)) return add(float_text(*d));
    if (const std::string* s = value.as_text()) return add(*s);
    if (const auto* s = std::get_if<SafeText>(&value.data)) return add(*s->text);
    if (value.as_sequence() || value.as_dictionary()) return repr(value);
    // Python prints an address here, so no template means it.
    refuse("text, a number, a list or a dictionary to print", fmt::format("a {}", value.type_name()));
  }

 private:
  void add(std::string_view text) {
    out_ += text;
    check_size(out_, max_bytes_);
  }
  void repr_sequence(const Sequence& s) {
    if (s.kind == Sequence::Kind::kRange || s.kind == Sequence::Kind::kView)
      refuse("a list to print", "a range or a dictionary's view: put '| list' behind it");
    const bool tuple = s.kind == Sequence::Kind::kTuple;
    out_ += tuple ? '(' : '[';
    for (std::size_t i = 0; i < s.items->size(); ++i) {
      if (i > 0) out_ += ", ";
      repr((*s.items)[i]);
    }
    if (tuple && s.items->size() == 1) out_ += ',';
    out_ += tuple ? ')' : ']';
  }
  void repr_dictionary(const Dictionary& d) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : d.entries) {
      if (!first) out_ += ", ";
      first = false;
      repr(key);
      out_ += ": ";
      repr(value);
    }
    out_ += '}';
  }

  std::string& out_;
  std::size_t max_bytes_;
};

class JsonWriter {
 public:
  JsonWriter(std::string& out, const JsonStyle& style, Meter& meter)
      : out_(out), style_(style), meter_(meter), max_bytes_(meter.memory_left()) {}

  void write(const Value& value, int level) {
    check_size(out_, max_bytes_);
    if (value.is_none()) return void(out_ += "null");
    if (const auto* b = std::get_if<bool>(&value.data)) return void(out_ += *b ? "true" : "false");
    if (const auto* i = std::get_if<std::int64_t>(&value.data)) return void(out_ += std::to_string(*i));
    if (const auto* d = std::get_if<double>(&value.data)) return void(out_ += number(*d));
    if (const std::string* s = value.as_text()) return string(*s);
    if (const auto* s = std::get_if<SafeText>(&value.data)) return string(*s->text);
    if (const Sequence* s = value.as_sequence();
        s && (s->kind == Sequence::Kind::kList || s->kind == Sequence::Kind::kTuple))
      return list(*s->items, level);
    if (const Dictionary* d = value.as_dictionary()) return dictionary(*d, level);
    if (value.is_undefined()) fail("a value that JSON can hold", std::get<Undefined>(value.data).why());
    fail("a value that JSON can hold", fmt::format("a {}", value.type_name()));
  }

 private:
  static std::string number(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
    return float_text(d);
  }
  void line(int level) {
    if (!style_.indented) return;
    out_ += '\n';
    for (int i = 0; i < level; ++i) out_ += style_.indent, check_size(out_, max_bytes_);
  }
  void list(const List& items, int level) {
    if (items.empty()) return void(out_ += "[]");
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      line(level + 1);
      write(items[i], level + 1);
    }
    line(level);
    out_ += ']';
  }
  void dictionary(const Dictionary& d, int level) {
    if (d.entries.empty()) return void(out_ += "{}");
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : d.entries) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const auto* a, const auto* b) { return compare(a->first, b->first, meter_) < 0; });
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      line(level + 1);
      key(entries[i]->first);
      out_ += style_.key_separator;
      write(entries[i]->second, level + 1);
    }
    line(level);
    out_ += '}';
  }
  void key(const Value& value) {
    if (const std::string* s = value.as_text()) return string(*s);
    if (double d = 0; value.as_number(d) || value.is_none()) {
      out_ += '"';
      write(value, 0);
      out_ += '"';
      return;
    }
    fail("keys that JSON can hold", fmt::format("a {}", value.type_name()));
  }
  void string(std::string_view text) {
    out_ += '"';
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t size = std::max<std::size_t>(1, utf8_length(text, i));
      if (size == 1 && static_cast<unsigned char>(text[i]) < 0x80)
        ascii(text[i]);
      else if (style_.ensure_ascii)
        escaped(utf8_decode(text, i, size));
      else
        out_ += text.substr(i, size);
      i += size;
    }
    out_ += '"';
    check_size(out_, max_bytes_);
  }
  void ascii(char c) {
    static constexpr std::string_view kPlain = "\"\\\n\r\t\f\b", kShort = "\"\\nrtfb";
    if (const std::size_t at = kPlain.find(c); at != kPlain.npos)
      out_ += '\\', out_ += kShort[at];
    else if (static_cast<unsigned char>(c) < 0x20)
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else if (c == 0x7f && style_.ensure_ascii)
      out_ += "\x7f";
    else
      out_ += c;
  }
  void escaped(std::uint32_t code) {
    if (code < 0x10000) return void(out_ += fmt::format("\\u{:04x}", code));
    code -= 0x10000;
    out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xd800u + (code >> 10), 0xdc00u + (code & 0x3ffu));
  }

  std::string& out_;
  const JsonStyle& style_;
  Meter& meter_;
  std::size_t max_bytes_;
};

}  // namespace

std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
  // fmt's shortest form, with Python's point and Python's bounds for the exponent.
  const std::string text = fmt::format("{}", d);
  return text.find_first_of(".en") == text.npos ? text + ".0" : text;
}

std::string to_text(const Value& value, std::size_t max_bytes) {
  std::string out;
  Printer(out, max_bytes).str(value);
  return out;
}

std::string to_repr(const Value& value, std::size_t max_bytes) {
  std::string out;
  Printer(out, max_bytes).repr(value);
  return out;
}

std::string to_json(const Value& value, const JsonStyle& style, Meter& meter) {
  std::string out;
  JsonWriter(out, style, meter).write(value, 0);
  check_size(out, meter.memory_left());
  return out;
}

}  // namespace rw::chat
