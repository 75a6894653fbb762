// SPDX-License-Identifier: Apache-2.0
/// Heat maps as tables: the numbers stand in the cells, so that neither colour nor pointer is needed.
#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "core/error.h"
#include "report/sections.h"
#include "results/found.h"

namespace rw {
namespace {

/// One blue from light to dark: lightness alone carries the value, which every eye and printer keeps.
std::string heat(double share) {
  const double light[] = {240, 246, 252}, dark[] = {8, 48, 107};
  int rgb[3];
  for (int i = 0; i < 3; ++i)
    rgb[i] = static_cast<int>(std::lround(light[i] + (dark[i] - light[i]) * std::clamp(share, 0.0, 1.0)));
  return fmt::format("background:#{:02x}{:02x}{:02x};color:{}", rgb[0], rgb[1], rgb[2],
                     share > 0.62 ? "#fff" : "#111");
}

/// Depths that are equal to the percent are one row; none (the question asks about the whole text) is -1.
int percent_of(const Record& record) {
  return record.depth ? static_cast<int>(std::lround(100 * *record.depth)) : -1;
}

using Grid = std::map<std::pair<int, Index>, Score>;  // by depth and length

Table heat_table(const std::string& caption, const Grid& grid, const std::set<int>& depths,
                 const std::set<Index>& lengths) {
  Table table{caption, {"depth"}, {}};
  for (Index length : lengths) table.head.push_back(k_tokens(length));
  for (int depth : depths) {
    std::vector<Cell> row{{depth < 0 ? "all" : fmt::format("{} %", depth), "depth"}};
    for (Index length : lengths) {
      const auto found = grid.find({depth, length});
      if (found == grid.end())
        row.push_back({"", "none"});
      else
        row.push_back({fmt::format("{:.0f}", 100 * found->second.mean()), heat(found->second.mean()),
                       fmt::format("{:.1f} % of {}", 100 * found->second.mean(),
                                   counted(found->second.n, "question"))});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

std::vector<TaskMaps> heat_maps(const ReportData& data) {
  std::map<std::string, std::map<std::string, Grid>> grids;  // by task and method
  std::map<std::string, std::set<int>> depths;
  std::map<std::string, std::set<Index>> lengths;
  for (const Record& r : data.records) {
    if (!r.score || !std::isfinite(*r.score) || (is_baseline(r.method) && r.method != kTruncated)) continue;
    const std::string task = retrieval_name(r);
    Score& score = grids[task][r.method][{percent_of(r), r.length}];
    score.sum += *r.score, ++score.n;
    depths[task].insert(percent_of(r)), lengths[task].insert(r.length);
  }
  const std::map<std::string, Score> failed = cannot_tell(data);
  std::vector<TaskMaps> tasks;
  for (const auto& [task, by_method] : grids) {
    if (failed.contains(task)) continue;
    if (depths[task] == std::set<int>{-1}) continue;  // one row: the table of scores says it
    tasks.push_back({task, {}});
    for (const std::string& method : methods_of(data))
      if (const auto found = by_method.find(method); found != by_method.end())
        tasks.back().maps.push_back(heat_table(method, found->second, depths[task], lengths[task]));
  }
  return tasks;
}

Table retrieval_table(const ReportData& data) {
  Table table{"", {"task", "method"}, {}};
  auto scores = retrieval_scores(data);
  for (const auto& [task, score] : cannot_tell(data)) scores.erase(task);
  std::set<Index> lengths;
  bool has_short = false;
  for (const auto& [task, by_method] : scores)
    for (const auto& [method, by_length] : by_method)
      for (const auto& [length, score] : by_length)
        if (method == kOwnShort)
          has_short = true;
        else
          lengths.insert(length);
  if (has_short) table.head.push_back("short text, plain");
  for (Index length : lengths) table.head.push_back(k_tokens(length));
  auto cell = [](const Score& score, const Interval* difference) {
    const Proportion p = proportion(score.sum, score.n);
    return Cell{fmt::format("{:.0f} % of {}\n({:.0f} to {:.0f}){}", 100 * p.value, score.n, 100 * p.low,
                            100 * p.high, difference ? "\n" + points_text(*difference) : ""),
                "share"};
  };
  std::map<std::tuple<std::string, std::string, Index>, Interval> differences;
  for (const RetrievalRow& row : retrieval_rows(data))
    if (row.difference) differences[{row.task, row.method, row.length}] = *row.difference;
  for (const auto& [task, by_method] : scores)
    for (const std::string& method : methods_of(data)) {
      const auto found = by_method.find(method);
      if (found == by_method.end() || method == kOwnShort) continue;
      std::vector<Cell> row{{task}, {method, "name"}};
      if (has_short) {
        const auto own = by_method.find(kOwnShort);
        row.push_back(own == by_method.end() ? Cell{""} : cell(own->second.begin()->second, nullptr));
      }
      for (Index length : lengths) {
        const auto score = found->second.find(length);
        const auto difference = differences.find({task, method, length});
        row.push_back(
            score == found->second.end()
                ? Cell{""}
                : cell(score->second, difference == differences.end() ? nullptr : &difference->second));
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

std::vector<std::string> cannot_tell_lines(const ReportData& data) {
  std::vector<std::string> lines;
  for (const auto& [task, score] : cannot_tell(data))
    lines.push_back(fmt::format("{} \u2013 cannot tell: finds {:.0f} % even in short texts ({}).", task,
                                100 * score.mean(), counted(score.n, "question")));
  return lines;
}

std::string chat_note(const ReportData& data) {
  std::size_t with = 0, without = 0;
  for (const Record& r : data.records)
    for (const auto& [name, value] : r.values)
      if (r.score && name == "chat") ++(value > 0 ? with : without);
  if (with + without == 0) return "";
  if (with > 0 && without > 0)
    return fmt::format("{} {} asked through the model's chat template, {} without a chat template.",
                       counted(with, "question"), with == 1 ? "was" : "were", without);
  return with > 0 ? "Asked through the model's chat template." : "Asked without a chat template.";
}

}  // namespace rw
