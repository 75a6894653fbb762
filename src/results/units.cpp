// SPDX-License-Identifier: Apache-2.0
#include "results/units.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace rw {
namespace {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

std::vector<double> means_of(const std::map<std::string, std::vector<double>>& by_unit) {
  std::vector<double> means;
  means.reserve(by_unit.size());
  for (const auto& [unit, values] : by_unit) means.push_back(mean_of(values));
  return means;
}

}  // namespace

std::string text_of(const std::string& document) {
  const std::size_t at = document.rfind('#');
  if (at == std::string::npos || at == 0 || at + 1 == document.size()) return document;
  const bool number = std::all_of(document.begin() + static_cast<std::ptrdiff_t>(at) + 1, document.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  return number ? document.substr(0, at) : document;
}

std::string Units::scope() const {
  const std::string texts = counted(n_texts(), "text");
  return n_documents() == n_texts() ? texts : counted(n_documents(), "stretch") + " of " + texts;
}

std::string Units::only() const {
  return by_text() ? "" : n_texts() == 1 ? "this text" : "these " + counted(n_texts(), "text");
}

std::string Units::count(std::size_t n) const {
  return counted(n, !by_text() && n_documents() > n_texts() ? "stretch" : "text");
}

Units units_of(const std::vector<Record>& records) {
  std::set<std::string> all, of_tail;
  for (const Record& r : records) {
    all.insert(r.document);
    if (gives_verdicts(r.task)) of_tail.insert(r.document);
  }
  return Units(of_tail.empty() ? std::move(all) : std::move(of_tail));
}

bool all_finite(const ByDocument& all) {
  for (const auto& [document, values] : all)
    for (double v : values)
      if (!std::isfinite(v)) return false;
  return true;
}

std::vector<double> unit_means(const ByDocument& values, const Units& units) {
  std::map<std::string, std::vector<double>> by_unit;
  for (const auto& [document, list] : values)
    if (!list.empty()) by_unit[units.of(document)].push_back(mean_of(list));
  return means_of(by_unit);
}

std::vector<double> paired_difference(const ByDocument& a, const ByDocument& b, const Units& units) {
  std::map<std::string, std::vector<double>> by_unit;
  for (const auto& [document, list] : a)
    if (const auto other = b.find(document); other != b.end() && !list.empty() && !other->second.empty())
      by_unit[units.of(document)].push_back(mean_of(list) - mean_of(other->second));
  return means_of(by_unit);
}

}  // namespace rw
