// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/error.h"
#include "report/sections.h"

namespace ropewalk {
namespace {

bool is_continuation(const Record& r) { return r.task == "continuation"; }

std::string metric_text(const Interval& i) {
  std::string text = fmt::format("{:.3g}", i.mean);
  if (i.low) text += fmt::format("\n{:.3g} to {:.3g}", *i.low, *i.high);
  return text;
}

}  // namespace

Table continuation_table(const ReportData& data) {
  std::vector<std::string> metrics;
  std::map<Index, std::map<std::string, std::map<std::string, ByDocument>>> values;  // length, method, metric
  for (const Record& r : data.records) {
    if (!is_continuation(r)) continue;
    for (const auto& [metric, value] : r.values) {
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
      values[r.length][r.method][metric][r.document].push_back(value);
    }
  }
  Table table{"", {"tokens", "method"}, {}};
  table.head.insert(table.head.end(), metrics.begin(), metrics.end());
  for (auto& [length, by_method] : values)
    for (const std::string& method : methods_of(data)) {
      const auto found = by_method.find(method);
      if (found == by_method.end()) continue;
      std::vector<Cell> row{{k_tokens(length)}, {method, "name"}};
      for (const std::string& metric : metrics) {
        const std::vector<double> means = document_means(found->second[metric]);
        row.push_back({means.empty() ? "" : metric_text(t_interval(means)), "share"});
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

std::vector<Sample> samples(const ReportData& data, std::string& where) {
  const Record* first = nullptr;
  for (const Record& r : data.records)
    if (is_continuation(r) && !is_baseline(r.method) && !r.expected.empty() &&
        (!first || r.length > first->length))
      first = &r;
  std::vector<Sample> list;
  if (!first) return list;
  where = fmt::format("{}, {} tokens before", first->document, k_tokens(first->length));
  list.push_back({"the true text", first->expected});
  for (const std::string& method : methods_of(data))
    for (const Record& r : data.records)
      if (is_continuation(r) && r.method == method && r.length == first->length &&
          r.document == first->document && r.seed == first->seed) {
        list.push_back({method, r.written});
        break;
      }
  return list;
}

}  // namespace ropewalk
