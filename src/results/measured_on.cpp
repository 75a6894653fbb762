// SPDX-License-Identifier: Apache-2.0
#include "results/measured_on.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace rw {
namespace {

std::set<std::string> names_of(const ByDocument& documents) {
  std::set<std::string> names;
  for (const auto& [document, difference] : documents) names.insert(document);
  return names;
}

bool is_method(const SummaryCell& cell, Index length) {
  return cell.length == length && cell.method != kTruncated;
}

/// "5 texts (a.txt, b.txt, c.txt and 2 more)".
std::string on(const Units& units, const std::function<std::string(const std::string&)>& mark) {
  std::string names;
  std::size_t n = 0;
  for (const std::string& text : units.texts())
    if (n++ < 3) names += (names.empty() ? "" : ", ") + mark(text);
  if (n > 3) names += fmt::format(" and {} more", n - 3);
  return units.scope() + (names.empty() ? "" : " (" + names + ")");
}

}  // namespace

MeasuredOn measured_on(const std::vector<SummaryCell>& cells) {
  MeasuredOn all;
  std::set<std::set<std::string>> different;
  for (const SummaryCell& cell : cells)
    if (is_method(cell, cells.back().length)) {
      const std::set<std::string>& names = *different.insert(names_of(cell.by_document)).first;
      all.emplace_back(cell.method, Units(names));
    }
  if (different.size() < 2) all.clear();
  return all;
}

std::string measured_on_text(const std::vector<SummaryCell>& cells,
                             const std::function<std::string(const std::string&)>& mark) {
  std::string text;
  for (const auto& [method, units] : measured_on(cells))
    text += fmt::format("{}{} on {}", text.empty() ? "" : "; ",
                        method == kPlain ? "plain RoPE" : mark(method), on(units, mark));
  return text.empty() ? ""
                      : fmt::format(
                            "Not the same texts for all, at {}: {}. Each method is held against "
                            "truncation on its own.",
                            k_tokens(cells.back().length), text);
}

double shared_mean(const std::vector<SummaryCell>& cells, const SummaryCell& cell) {
  std::vector<double> shared;
  for (const auto& [document, difference] : cell.by_document)
    if (std::all_of(cells.begin(), cells.end(), [&, &name = document](const SummaryCell& other) {
          return !is_method(other, cell.length) || other.by_document.contains(name);
        }))
      shared.push_back(difference.front());
  return shared.empty() ? cell.difference.mean : t_interval(shared).mean;
}

}  // namespace rw
