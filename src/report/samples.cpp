// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "core/error.h"
#include "report/sections.h"
#include "results/continuation_summary.h"

namespace rw {
namespace {

bool is_continuation(const Record& r) { return r.task == "continuation"; }

std::string metric_text(const ContinuationMetric& m) {
  if (!std::isfinite(m.value.mean)) return "n/a";
  std::string text = fmt::format("{:.3g}", m.value.mean);
  if (!m.versus_truncated) return text;
  const double d = m.versus_truncated->mean;  // rounding leaves 1e-18 of equal means
  text += fmt::format("\n{:+.3g}", std::abs(d) < 1e-12 ? 0 : d);
  if (const Interval& i = *m.versus_truncated; i.low)
    text += fmt::format(" \u00b1 {:.2g}", std::max(i.mean - *i.low, *i.high - i.mean));
  return text;
}

std::string hover_text(const ContinuationMetric& m) {
  return m.versus_truncated && m.versus_truncated->low
             ? "from the truncated baseline: " + interval_text(*m.versus_truncated, true)
             : "";
}

}  // namespace

Table continuation_table(const ReportData& data) {
  Table table{"", {"tokens", "method"}, {}};
  for (const ContinuationCell& cell : summarise_continuation(data.records, data.units)) {
    std::vector<Cell> row{{k_tokens(cell.length)}, {cell.method, "name"}};
    for (const ContinuationMetric& m : std::span(cell.metrics).first(kMainMetrics)) {  // the CSV has all
      if (table.rows.empty()) table.head.push_back(m.name);
      row.push_back({metric_text(m), "share", hover_text(m)});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string continuation_note(const Table& table) {
  std::set<std::string> notes;
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      if (row[i].text == "n/a") notes.insert(absence_note(table.head.at(i)));
  std::string text = kContinuationNote;
  for (const std::string& note : notes) text += " " + note;
  return text;
}

std::vector<WrittenSample> samples(const ReportData& data, std::string& where) {
  const Record* first = nullptr;
  for (const Record& r : data.records)
    if (is_continuation(r) && !is_baseline(r.method) && !r.expected.empty() &&
        (!first || r.length > first->length))
      first = &r;
  std::vector<WrittenSample> list;
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

}  // namespace rw
