// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/error.h"
#include "report/sections.h"

namespace ropewalk {
namespace {

bool is_continuation(const Record& r) { return r.task == "continuation"; }

}  // namespace

Table continuation_table(const ReportData& data) {
  std::vector<std::string> metrics;
  std::map<std::pair<Index, std::string>, std::map<std::string, ByDocument>> values;
  for (const Record& r : data.records) {
    if (!is_continuation(r)) continue;
    for (const auto& [metric, value] : r.values) {
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
      values[{r.length, r.method}][metric][r.document].push_back(value);
    }
  }
  Table table{"", {"tokens", "method"}, {}};
  table.head.insert(table.head.end(), metrics.begin(), metrics.end());
  for (auto& [key, by_metric] : values) {
    std::vector<Cell> row{{k_tokens(key.first)}, {key.second, "name"}};
    for (const std::string& metric : metrics) {
      const std::vector<double> means = document_means(by_metric[metric]);
      row.push_back({means.empty() ? "" : interval_text(t_interval(means), false), "number"});
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
