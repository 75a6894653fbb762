// SPDX-License-Identifier: Apache-2.0
/// Spelling of methods: name:parameter=value,parameter=value joined by '+'.
#include <algorithm>

#include "core/option.h"
#include "methods/parameters.h"

namespace rw {
namespace {

/// The pieces of `text` between separators; never empty.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(separator, begin);
    pieces.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return pieces;
    begin = end + 1;
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The '+' of a number such as 1e+06 joins nothing.
bool in_number(std::string_view text, std::size_t plus) {
  return plus >= 2 && plus + 1 < text.size() && (text[plus - 1] == 'e' || text[plus - 1] == 'E') &&
         (is_digit(text[plus - 2]) || text[plus - 2] == '.') && is_digit(text[plus + 1]);
}

/// The methods of a composition.
std::vector<std::string_view> split_parts(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0, plus = 0;; ++plus) {
    plus = std::min(text.find('+', plus), text.size());
    if (plus < text.size() && in_number(text, plus)) continue;
    parts.push_back(text.substr(begin, plus - begin));
    if (plus == text.size()) return parts;
    begin = plus + 1;
  }
}

}  // namespace

MethodSpec MethodSpec::parse(std::string_view text) {
  MethodSpec spec;
  if (text.size() > 4096)
    throw UsageError("method", "a spelling of at most 4096 characters", fmt::format("{}", text.size()));
  for (std::string_view part_text : split_parts(text)) {
    const std::size_t colon = part_text.find(':');
    const std::string_view name = part_text.substr(0, colon);
    if (name.find(',') != std::string_view::npos)
      throw UsageError("method", "a known method", fmt::format("'{}'", name),
                       option("several are a list", "separate several by spaces: --methods yarn ntk"));
    const MethodInfo& info = Registry<MethodInfo>::get(name, "method");
    MethodPart part{info.name, {}};
    if (colon != std::string_view::npos) {
      for (std::string_view pair : split(part_text.substr(colon + 1), ',')) {
        const std::size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string_view::npos || equals + 1 == pair.size())
          throw UsageError(info.name, "parameters as name=value,name=value", fmt::format("'{}'", pair));
        if (!part.parameters.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second)
          throw UsageError(info.name, "each parameter once",
                           fmt::format("'{}' twice", pair.substr(0, equals)));
      }
    }
    [[maybe_unused]] const Parameters check(info, part);  // refuses names that the method does not have
    spec.parts.push_back(std::move(part));
  }
  return spec;
}

std::string MethodSpec::text() const {
  std::string result;
  for (const MethodPart& part : parts) {
    result += (result.empty() ? "" : "+") + part.name;
    char separator = ':';
    for (const auto& [name, value] : part.parameters) {
      result += fmt::format("{}{}={}", separator, name, value);
      separator = ',';
    }
  }
  return result;
}

bool MethodSpec::by_layer() const {
  return std::any_of(parts.begin(), parts.end(), [](const MethodPart& part) {
    return Registry<MethodInfo>::get(part.name, "method").by_layer;
  });
}

bool MethodSpec::by_head() const {
  return std::any_of(parts.begin(), parts.end(), [](const MethodPart& part) {
    return Registry<MethodInfo>::get(part.name, "method").by_head;
  });
}

}  // namespace rw
