// SPDX-License-Identifier: Apache-2.0
#include "chat/python_text.h"

#include <string.h>  // memmem: linear, where std::string::find is not

#include <algorithm>

#include "chat/failure.h"

namespace rw::chat {
namespace {

struct Character {
  std::uint32_t code;
  std::size_t size;
};

Character at(std::string_view text, std::size_t i) {
  const std::size_t size = utf8_length(text, i);
  if (size == 0) return {0xdc00u + static_cast<unsigned char>(text[i]), 1};  // Python's surrogateescape
  return {utf8_decode(text, i, size), size};
}

/// Bytes of the character that ends at `end`.
std::size_t size_before(std::string_view text, std::size_t end) {
  for (std::size_t size = 1; size <= 4 && size <= end; ++size)
    if (utf8_length(text, end - size) == size) return size;
  return 1;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char up(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char down(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

void require_ascii(std::string_view text, std::string_view what, Meter& meter) {
  meter.work(text.size(), 2);
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80)
      refuse(fmt::format("ASCII for '{}'", what), "letters of another script");
}

std::string backwards(std::string_view text) { return {text.rbegin(), text.rend()}; }

/// text.find(part) in linear time; npos where it is not there.
std::size_t place_of(std::string_view text, std::string_view part) {
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.npos;
}

/// For one walk over the text that stops at each place of the part.
void pay_for_places(std::string_view text, std::string_view part, Meter& meter) {
  meter.work(text.size() + part.size());
  meter.work(text.size() / part.size(), 2 * Meter::kLook);
}

bool is_line_end(std::uint32_t code) {
  return (code >= 0xa && code <= 0xd) || (code >= 0x1c && code <= 0x1e) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

}  // namespace

bool is_space(std::uint32_t code) {
  return code == ' ' || (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x1f) || code == 0x85 ||
         code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
         code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

std::size_t leading_space(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const Character c = at(text, i);
    if (!is_space(c.code)) break;
    i += c.size;
  }
  return i;
}

std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t size = size_before(text, end);
    if (!is_space(at(text, end - size).code)) break;
    end -= size;
  }
  return text.size() - end;
}

std::int64_t text_length(std::string_view text, Meter& meter) {
  meter.work(text.size());
  std::int64_t n = 0;
  for (std::size_t i = 0; i < text.size(); i += at(text, i).size) ++n;
  return n;
}

std::vector<std::string_view> characters(std::string_view text, Meter& meter) {
  meter.work(text.size(), 4);
  meter.memory(text.size() * sizeof(std::string_view));
  std::vector<std::string_view> list;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = at(text, i).size;
    list.push_back(text.substr(i, size));
    i += size;
  }
  return list;
}

std::size_t byte_of(std::string_view text, std::int64_t i, Meter& meter) {
  std::size_t byte = 0;
  for (; i > 0 && byte < text.size(); --i) byte += at(text, byte).size;
  meter.work(byte);
  return byte;
}

std::size_t find_first(std::string_view text, std::string_view part, Meter& meter) {
  if (part.empty()) return 0;
  meter.work(text.size() + part.size());
  return place_of(text, part);
}

std::size_t find_last(std::string_view text, std::string_view part, Meter& meter) {
  meter.work(text.size() + part.size(), 2);
  const std::size_t from_end = place_of(backwards(text), backwards(part));
  return from_end == text.npos ? text.npos : text.size() - from_end - part.size();
}

std::int64_t count_of(std::string_view text, std::string_view part, Meter& meter) {
  pay_for_places(text, part, meter);
  std::int64_t n = 0;
  for (std::size_t found; (found = place_of(text, part)) != text.npos; ++n)
    text.remove_prefix(found + part.size());
  return n;
}

std::string_view strip(std::string_view text, const std::string* of, bool left, bool right, Meter& meter) {
  meter.work(text.size(), of ? 2 + of->size() : 1);
  if (!of) {
    if (left) text.remove_prefix(leading_space(text));
    if (right) text.remove_suffix(trailing_space(text));
    return text;
  }
  const std::vector<std::string_view> set = characters(*of, meter);
  const auto in_set = [&](std::string_view c) { return std::find(set.begin(), set.end(), c) != set.end(); };
  while (left && !text.empty() && in_set(text.substr(0, at(text, 0).size)))
    text.remove_prefix(at(text, 0).size);
  while (right && !text.empty()) {
    const std::size_t size = size_before(text, text.size());
    if (!in_set(text.substr(text.size() - size))) break;
    text.remove_suffix(size);
  }
  return text;
}

std::vector<std::string_view> split_words(std::string_view text, std::int64_t most, bool from_right,
                                          Meter& meter) {
  meter.work(text.size(), 2);
  std::vector<std::string_view> words;
  while (true) {
    if (from_right)
      text.remove_suffix(trailing_space(text));
    else
      text.remove_prefix(leading_space(text));
    if (text.empty()) break;
    meter.memory(sizeof(std::string_view));
    if (most >= 0 && static_cast<std::int64_t>(words.size()) == most) {
      words.push_back(text);
      break;
    }
    std::size_t cut = from_right ? text.size() : 0;
    if (from_right) {
      while (cut > 0 && !is_space(at(text, cut - size_before(text, cut)).code)) cut -= size_before(text, cut);
      words.push_back(text.substr(cut));
      text = text.substr(0, cut);
    } else {
      while (cut < text.size() && !is_space(at(text, cut).code)) cut += at(text, cut).size;
      words.push_back(text.substr(0, cut));
      text = text.substr(cut);
    }
  }
  if (from_right) std::reverse(words.begin(), words.end());
  return words;
}

std::vector<std::string_view> split_by(std::string_view text, std::string_view separator, std::int64_t most,
                                       bool from_right, Meter& meter) {
  std::vector<std::string_view> parts;
  if (from_right) {
    meter.work(text.size());
    const std::string back = backwards(text);
    for (const std::string_view part : split_by(back, backwards(separator), most, false, meter)) {
      const auto from_end = static_cast<std::size_t>(part.data() - back.data());
      parts.push_back(text.substr(text.size() - from_end - part.size(), part.size()));
    }
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  pay_for_places(text, separator, meter);
  while (most < 0 || static_cast<std::int64_t>(parts.size()) < most) {
    const std::size_t cut = place_of(text, separator);
    if (cut == text.npos) break;
    meter.memory(sizeof(std::string_view));
    parts.push_back(text.substr(0, cut));
    text.remove_prefix(cut + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends, Meter& meter) {
  meter.work(text.size(), 2);
  std::vector<std::string_view> lines;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = at(text, i);
    if (!is_line_end(c.code)) {
      i += c.size;
      continue;
    }
    const std::size_t end = i;
    i += c.size;
    if (c.code == '\r' && i < text.size() && text[i] == '\n') ++i;
    meter.memory(sizeof(std::string_view));
    lines.push_back(text.substr(start, (keep_ends ? i : end) - start));
    start = i;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string upper(std::string_view text, Meter& meter) {
  require_ascii(text, "upper", meter);
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), up);
  return out;
}

std::string lower(std::string_view text, Meter& meter) {
  require_ascii(text, "lower", meter);
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), down);
  return out;
}

std::string capitalize(std::string_view text, Meter& meter) {
  std::string out = lower(text, meter);
  if (!out.empty()) out[0] = up(out[0]);
  return out;
}

std::string title(std::string_view text, Meter& meter) {
  require_ascii(text, "title", meter);
  std::string out(text);
  bool inside = false;
  for (char& c : out) c = inside ? down(c) : up(c), inside = is_letter(c);
  return out;
}

std::string title_filter(std::string_view text, Meter& meter) {
  require_ascii(text, "title", meter);
  std::string out(text);
  bool begins = true;
  for (char& c : out) {
    c = begins ? up(c) : down(c);
    begins = is_space(static_cast<unsigned char>(c)) ||
             std::string_view("-({[<").find(c) != std::string_view::npos;
  }
  return out;
}

std::string replace(std::string_view text, std::string_view old, std::string_view with, std::int64_t most,
                    Meter& meter) {
  const std::size_t max_bytes = meter.memory_left();
  std::string out;
  const auto add = [&](std::string_view part) {
    if (part.size() > max_bytes - std::min(max_bytes, out.size()))
      fail(fmt::format("at most {} bytes of text", max_bytes), "more, made by 'replace'");
    out += part;
  };
  std::int64_t done = 0;
  if (old.empty()) {  // before each character and at the end
    for (const std::string_view c : characters(text, meter)) {
      if (most < 0 || done < most) add(with), ++done;
      add(c);
    }
    if (most < 0 || done < most) add(with);
    return out;
  }
  pay_for_places(text, old, meter);
  for (std::size_t found; (most < 0 || done < most) && (found = place_of(text, old)) != text.npos; ++done) {
    add(text.substr(0, found));
    add(with);
    text.remove_prefix(found + old.size());
  }
  add(text);
  return out;
}

void append_repr(std::string& out, std::string_view text) {
  const bool twice = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = twice ? '"' : '\'';
  out += quote;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = at(text, i);
    if (c.code == static_cast<unsigned char>(quote) || c.code == '\\')
      out += '\\', out += text[i];
    else if (c.code == '\n')
      out += "\\n";
    else if (c.code == '\r')
      out += "\\r";
    else if (c.code == '\t')
      out += "\\t";
    else if (c.code < 0x20 || (c.code >= 0x7f && c.code <= 0xa0) || c.code == 0xad)
      out += fmt::format("\\x{:02x}", c.code);
    else if (c.code != ' ' && is_space(c.code))
      out += fmt::format("\\u{:04x}", c.code);
    else
      out += text.substr(i, c.size);  // what Unicode does not call printable is not looked up
    i += c.size;
  }
  out += quote;
}

}  // namespace rw::chat
