// SPDX-License-Identifier: Apache-2.0
#include "results/tables.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "results/continuation_summary.h"
#include "results/statistics.h"

namespace rw {
namespace {

constexpr std::size_t kColumns = 7;  // of numbers in 80 columns
constexpr std::size_t kMetrics = 6;  // of continuation, likewise
static_assert(kMetrics <= kMainMetrics);

std::string positions_table(const std::vector<Record>& records) {
  std::vector<std::string> methods;
  std::map<std::pair<Index, std::string>, std::vector<double>> buckets;
  std::map<Index, Index> ends;
  for (const Record& r : records) {
    if (r.position_end == 0) continue;
    if (std::find(methods.begin(), methods.end(), r.method) == methods.end()) methods.push_back(r.method);
    buckets[{r.position_begin, r.method}].push_back(r.loss);
    ends[r.position_begin] = r.position_end;
  }
  std::string text;
  if (methods.empty()) return text;
  for (std::size_t m = 0; m < methods.size(); ++m) text += fmt::format("[{}] {}\n", m + 1, methods[m]);
  for (std::size_t first = 0; first < methods.size(); first += kColumns) {
    const std::size_t end_column = std::min(methods.size(), first + kColumns);
    text += fmt::format("\n{:<18}", "positions");
    for (std::size_t m = first; m < end_column; ++m)
      text += fmt::format(" {:>7}", fmt::format("[{}]", m + 1));
    for (const auto& [begin, end] : ends) {
      text += fmt::format("\n{:<18}", fmt::format("{} - {}", begin, end - 1));
      for (std::size_t m = first; m < end_column; ++m) {
        const auto losses = buckets.find({begin, methods[m]});  // a budget may have ended before some
        text += losses == buckets.end() ? fmt::format(" {:>7}", "n/a")
                                        : fmt::format(" {:>7.3f}", t_interval(losses->second).mean);
      }
    }
    text += "\n";
  }
  return text;
}

/// Of eight columns; "n/a" where there is none.
std::string number(double x, const char* format) {
  return fmt::format(" {:>8}", std::isfinite(x) ? fmt::format(fmt::runtime(format), x) : "n/a");
}

/// In pairs of lines: the numbers, and their differences from the truncated baseline.
std::string continuation_text(const std::vector<Record>& records, const Units& units) {
  std::string text;
  Index length = -1;
  std::set<std::string> notes;
  for (const ContinuationCell& cell : summarise_continuation(records, units)) {
    if (cell.length != length) {
      length = cell.length;
      text += fmt::format("\n{:<25}", fmt::format("continuation at {}", length));
      for (std::size_t m = 0; m < kMetrics; ++m) text += fmt::format(" {:>8.8}", cell.metrics[m].name);
      text += "\n";
    }
    std::string difference = fmt::format("{:<25}", "  from truncation");
    text += cell.method.size() <= 25 ? fmt::format("{:<25}", cell.method)
                                     : fmt::format("{}\n{:<25}", cell.method, "");
    for (std::size_t m = 0; m < kMetrics; ++m) {
      text += number(cell.metrics[m].value.mean, "{:.4g}");
      if (const auto& versus = cell.metrics[m].versus_truncated)
        difference += number(versus->mean, "{:+.2g}");
      if (std::isnan(cell.metrics[m].value.mean)) notes.insert(absence_note(cell.metrics[m].name));
    }
    text += "\n";
    if (cell.metrics[0].versus_truncated) text += difference + "\n";
  }
  for (const std::string& note : notes) text += note + "\n";
  return text;
}

/// Numbers under one name over documents and questions.
using Columns = std::vector<std::pair<std::string, std::vector<double>>>;

void add(Columns& columns, const std::string& name, double value) {
  auto at = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.first == name; });
  if (at == columns.end()) columns.emplace_back(name, std::vector<double>{}), at = columns.end() - 1;
  at->second.push_back(value);
}

struct Block {
  std::vector<std::string> names;                     // of columns, as they come
  std::vector<std::pair<std::string, Columns>> rows;  // method and part
  Columns& row(const std::string& name) {
    for (auto& [own, columns] : rows)
      if (own == name) return columns;
    return rows.emplace_back(name, Columns{}).second;
  }
};

std::string block_text(const std::string& title, const Block& block) {
  std::string text = fmt::format("\n{:<25}", title);
  const std::size_t n = std::min<std::size_t>(6, block.names.size());
  for (std::size_t c = 0; c < n; ++c) text += fmt::format(" {:>8.8}", block.names[c]);
  for (const auto& [name, columns] : block.rows) {
    text += name.size() <= 25 ? fmt::format("\n{:<25}", name) : fmt::format("\n{}\n{:<25}", name, "");
    for (std::size_t c = 0; c < n; ++c) {
      const auto at = std::find_if(columns.begin(), columns.end(),
                                   [&](const auto& column) { return column.first == block.names[c]; });
      text += at == columns.end() ? fmt::format(" {:>8}", "")
                                  : fmt::format(" {:>8.4g}", t_interval(at->second).mean);
    }
  }
  return text + "\n";
}

}  // namespace

std::string other_tables(const std::vector<Record>& records, const Units& units) {
  std::vector<std::pair<std::string, Block>> blocks;
  const auto block_of = [&](const std::string& title) -> Block& {
    for (auto& [own, block] : blocks)
      if (own == title) return block;
    return blocks.emplace_back(title, Block{}).second;
  };
  for (const Record& r : records) {
    if (scores_tail(r.task) || r.task == "continuation" || r.score || r.position_end > 0) continue;
    Block& block = block_of(fmt::format("{} at {}", r.task, r.length));
    Columns& row = block.row(r.part.empty() ? r.method : r.method + " " + r.part);
    const auto put = [&](const std::string& name, double value) {
      add(row, name, value);
      if (std::find(block.names.begin(), block.names.end(), name) == block.names.end())
        block.names.push_back(name);
    };
    if (r.n_targets > 0) put("loss", r.loss);
    for (const auto& [name, value] : r.values) put(name, value);
  }
  std::string text = positions_table(records);
  for (const auto& [title, block] : blocks) text += block_text(title, block);
  text += continuation_text(records, units);
  return text;
}

}  // namespace rw
