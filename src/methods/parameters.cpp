// SPDX-License-Identifier: Apache-2.0
/// Reading and checking of parameters.
#include "methods/parameters.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/option.h"

namespace rw {
namespace {

/// A decimal number, with k for 1024; nullopt for anything else.
std::optional<double> parse_number(std::string_view text) {
  double scale = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'K')) scale = 1024, text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value * scale)) return {};
  return value * scale;
}

/// 1.5 of "1.5x"; nullopt for anything else, negative numbers too.
std::optional<double> parse_times(std::string_view text) {
  if (text.empty() || text.back() != 'x') return {};
  const std::optional<double> times = parse_number(text.substr(0, text.size() - 1));
  return times && *times >= 0 ? times : std::nullopt;
}

/// What `text` says for a parameter whose fallback is `fallback`. Times a fallback that is out of range is
/// out of range, so that the refusal names it.
std::optional<double> parse_value(std::string_view text, double fallback, double low, double high) {
  const std::optional<double> times = parse_times(text);
  if (!times) return parse_number(text);
  if (!(fallback >= low && fallback <= high)) return {};
  const double value = *times * fallback;
  return std::clamp(value > 0 ? few_digits(value) : value, low, high);
}

}  // namespace

double few_digits(double x) {
  const int exponent = static_cast<int>(std::floor(std::log10(x)));
  // By a power of ten that is exact, so that what comes out is the number of those digits itself.
  const double scale = std::pow(10.0, std::abs(5 - exponent));
  const bool up = exponent <= 5;
  const double digits = std::ceil((up ? x * scale : x / scale) * (1 - 1e-12));
  return up ? digits / scale : digits * scale;
}

Parameters::Parameters(const MethodInfo& info, const MethodPart& part) : info_(info), part_(part) {
  std::vector<std::string> known;
  for (const ParameterInfo& parameter : info.parameters) known.push_back(parameter.name);
  for (const auto& [name, value] : part.parameters)
    if (std::find(known.begin(), known.end(), name) == known.end())
      refuse("a parameter of this method", "'" + name + "'",
             known.empty() ? "it has none" : did_you_mean(name, known));
}

void Parameters::refuse(std::string_view expected, std::string_view found, std::string_view hint) const {
  throw UsageError(info_.name, expected, found,
                   hint.empty() ? option("methods()", "ropewalk methods") + " lists parameters and defaults"
                                : std::string(hint));
}

bool Parameters::fixed(std::string_view name) const {
  const std::string* text = find(name);
  return text && !parse_times(*text);
}

const std::string* Parameters::find(std::string_view name) const {
  const auto found = part_.parameters.find(std::string(name));
  return found == part_.parameters.end() ? nullptr : &found->second;
}

void Parameters::resolved(std::string_view name, std::string value) const {
  for (const auto& [known, text] : resolved_)
    if (known == name) return;
  resolved_.emplace_back(name, std::move(value));
}

double Parameters::number(std::string_view name, double fallback, double low, double high) const {
  double value = fallback;
  if (const std::string* text = find(name)) {
    const auto parsed = parse_value(*text, fallback, low, high);
    if (!parsed || *parsed < low || *parsed > high)
      refuse(fmt::format("{} from {} to {}", name, low, high), "'" + *text + "'");
    value = *parsed;
  } else if (!(value >= low && value <= high)) {
    refuse(fmt::format("{} from {} to {}", name, low, high),
           fmt::format("{}, its default for this model and length", value),
           fmt::format("say {}:{}=...", info_.name, name));
  }
  resolved(name, fmt::format("{}", value));
  return value;
}

Index Parameters::integer(std::string_view name, Index fallback, Index low, Index high) const {
  Index value = fallback;
  if (const std::string* text = find(name)) {
    auto parsed = parse_value(*text, static_cast<double>(fallback), static_cast<double>(low),
                              static_cast<double>(high));
    if (parsed && parse_times(*text)) parsed = std::ceil(*parsed);
    if (!parsed || *parsed != std::floor(*parsed) || *parsed < static_cast<double>(low) ||
        *parsed > static_cast<double>(high))
      refuse(fmt::format("{} a whole number from {} to {}", name, low, high), "'" + *text + "'");
    value = static_cast<Index>(*parsed);
  } else if (value < low || value > high) {
    refuse(fmt::format("{} from {} to {}", name, low, high),
           fmt::format("{}, its default for this model and length", value),
           fmt::format("say {}:{}=...", info_.name, name));
  }
  resolved(name, fmt::format("{}", value));
  return value;
}

bool Parameters::flag(std::string_view name, bool fallback) const {
  return integer(name, fallback, 0, 1) != 0;
}

std::string Parameters::choice(std::string_view name, std::string_view fallback,
                               const std::vector<std::string>& choices) const {
  const std::string* text = find(name);
  std::string value = text ? *text : std::string(fallback);
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    refuse(fmt::format("{} one of {}", name, fmt::join(choices, ", ")), "'" + value + "'");
  resolved(name, value);
  return value;
}

std::vector<std::vector<Index>> Parameters::lists(std::string_view name, Index high) const {
  const std::string* text = find(name);
  if (!text) return {};
  std::vector<std::vector<Index>> all(1);
  const char* const end = text->data() + text->size();
  for (const char* at = text->data();;) {
    Index value = -1;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || value < 0 || value > high || (next != end && *next != '.' && *next != '/'))
      refuse(fmt::format("{} as lists such as 0.2.1/1.0.2 of whole numbers from 0 to {}", name, high),
             "'" + *text + "'");
    all.back().push_back(value);
    if (next == end) break;
    if (*next == '/') all.emplace_back();
    at = next + 1;
  }
  resolved(name, *text);
  return all;
}

std::string Parameters::text() const {
  std::string result = info_.name;
  std::sort(resolved_.begin(), resolved_.end());  // as MethodSpec::text() orders them
  for (std::size_t i = 0; i < resolved_.size(); ++i)
    result += fmt::format("{}{}={}", i == 0 ? ":" : ",", resolved_[i].first, resolved_[i].second);
  return result;
}

}  // namespace rw
