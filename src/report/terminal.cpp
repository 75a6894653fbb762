// SPDX-License-Identifier: Apache-2.0
/// The report for a terminal of 80 columns, readable without the documents.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "report/origin.h"
#include "report/report.h"
#include "report/sections.h"
#include "results/answer.h"
#include "results/found.h"
#include "results/tables.h"

namespace rw {
namespace {

constexpr std::size_t kNameWidth = 24;

/// A name that is too long stands on a line of its own: cut short, two methods could look the same.
std::string name_column(const std::string& name) {
  return name.size() <= kNameWidth ? fmt::format("{:<{}}", name, kNameWidth)
                                   : fmt::format("{}\n{:<{}}", name, "", kNameWidth);
}

/// By task and length: shares found, and their differences from truncation, paired by document.
std::string retrieval_text(const ReportData& data) {
  std::string text, task;
  Index length = -1;
  const std::vector<RetrievalRow> rows = retrieval_rows(data);
  for (const RetrievalRow& row : rows) {
    if (row.task != task || row.length != length) {
      task = row.task, length = row.length;
      const bool told = std::any_of(rows.begin(), rows.end(), [&](const RetrievalRow& r) {
        return r.task == task && r.length == length && r.difference;
      });
      text += fmt::format("\n{}{}: right answers in %, with their 95 % interval\n", task,
                          length > 0 ? " at " + k_tokens(length) : ", in short text");
      text += fmt::format("{} {:>15} {:>9}", name_column("method"), "found", "questions");
      text += told ? fmt::format(" {:>22}\n", "from truncation") : "\n";
    }
    const Proportion p = proportion(row.score.sum, row.score.n);
    text += name_column(row.method) +
            fmt::format(" {:>15} {:>9}",
                        fmt::format("{:.0f} ({:.0f} to {:.0f})", 100 * p.value, 100 * p.low, 100 * p.high),
                        row.score.n);
    text += row.difference ? fmt::format(" {:>22}\n", points_text(*row.difference)) : "\n";
  }
  for (const std::string& line : cannot_tell_lines(data)) text += line + "\n";
  return text;
}

/// By length: what a changed far text costs, and what the tokens that could be copied from it lose.
std::string far_use_text(const ReportData& data) {
  std::map<Index, std::map<std::string, std::map<std::string, ByDocument>>> losses;  // length, method, part
  std::vector<std::string> parts;
  for (const Record& r : data.records) {
    if (r.task != "far-use" || r.part.empty() || r.n_targets == 0 || is_baseline(r.method)) continue;
    losses[r.length][r.method][r.part][r.document].push_back(r.loss);
    if (std::find(parts.begin(), parts.end(), r.part) == parts.end()) parts.push_back(r.part);
  }
  std::string text;
  for (auto& [length, by_method] : losses) {
    text +=
        fmt::format("\nfar-use at {}: loss by far text, nats, with its 95 % interval\n", k_tokens(length));
    text +=
        fmt::format("{} {:<17} {:>27} {:>3}\n", name_column("method"), "far text", "loss or difference", "n");
    for (const std::string& method : methods_of(data)) {
      const auto found = by_method.find(method);
      if (found == by_method.end()) continue;
      std::string name = method;
      for (const std::string& part : parts) {
        const bool loss = part == "true" || part.starts_with("copy");
        const std::vector<double> values =
            loss ? unit_means(found->second[part], data.units)
                 : paired_difference(found->second[part], found->second["true"], data.units);
        if (values.empty()) continue;
        text += name_column(name) + fmt::format(" {:<17} {:>27} {:>3}\n", loss ? part : part + " - true",
                                                interval_text(interval(values), !loss), values.size());
        name.clear();
      }
    }
  }
  if (!text.empty()) text += "swapped - true above 0, with its interval: the far text is used.\n";
  return text;
}

}  // namespace

std::string text_report(const ReportData& data, bool with_curves) {
  std::string text = answer_text(data) + "\n";
  if (!data.cells.empty()) {
    if (with_curves) text += character_curves(data) + "\n";
    if (asks_for_masked(data)) text += "Masked tokens, 15 % of these:\n";
    text += summary_table(data.cells, data.run, data.units);
  }
  text += far_use_text(data) + retrieval_text(data) + other_tables(data.records, data.units);
  if (const Table reach = reach_table(data); with_curves && !reach.rows.empty())
    text += "\n" + text_table(reach, 80);
  if (data.run.n_acting_layers < data.run.n_layers) text += "\n" + origin_of(data).layers + ".\n";
  for (char& c : text)  // names come from a file: none of them may steer the terminal
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = '?';
  return text;
}

}  // namespace rw
