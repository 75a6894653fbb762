// SPDX-License-Identifier: Apache-2.0
/// The report for a terminal of 80 columns, readable without the documents.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "report/report.h"
#include "report/sections.h"
#include "results/answer.h"
#include "results/tables.h"

namespace ropewalk {
namespace {

constexpr std::size_t kNameWidth = 24;

/// A name that is too long stands on a line of its own: cut short, two methods could look the same.
std::string name_column(const std::string& name) {
  return name.size() <= kNameWidth ? fmt::format("{:<{}}", name, kNameWidth)
                                   : fmt::format("{}\n{:<{}}", name, "", kNameWidth);
}

/// Where every unit gave the same, the spread is unknown; a difference of shares ends at 100.
std::string points(const Interval& d) {
  if (!d.low || !(d.deviation > 0)) return fmt::format("{:+.0f}", 100 * d.mean);
  return fmt::format("{:+.0f} ({:+.0f} to {:+.0f})", 100 * d.mean, std::max(-100.0, 100 * *d.low),
                     std::min(100.0, 100 * *d.high));
}

/// By task and length: shares found, and their differences from truncation, paired by document.
std::string retrieval_text(const ReportData& data) {
  std::map<std::pair<std::string, Index>, std::map<std::string, ByDocument>> all;
  for (const Record& r : data.records)
    if (r.score && std::isfinite(*r.score))
      all[{retrieval_name(r), r.length}][r.method][r.document].push_back(*r.score);
  std::string text;
  for (const auto& [key, by_method] : all) {
    const auto truncated = by_method.find(kTruncated);
    text += fmt::format("\n{}{}: right answers in %, with their 95 % interval\n", key.first,
                        key.second > 0 ? " at " + k_tokens(key.second) : ", in short text");
    text += fmt::format("{} {:>15} {:>9}", name_column("method"), "found", "questions");
    text += truncated == by_method.end() ? "\n" : fmt::format(" {:>22}\n", "from truncation");
    for (const std::string& method : methods_of(data)) {
      const auto own = by_method.find(method);
      if (own == by_method.end()) continue;
      Score score;
      for (const auto& [document, list] : own->second)
        for (double s : list) score.sum += s, ++score.n;
      const Proportion p = proportion(score.sum, score.n);
      text += name_column(method) +
              fmt::format(" {:>15} {:>9}",
                          fmt::format("{:.0f} ({:.0f} to {:.0f})", 100 * p.value, 100 * p.low, 100 * p.high),
                          score.n);
      if (truncated != by_method.end() && !is_baseline(method))
        if (const auto d = paired_difference(own->second, truncated->second, data.units); !d.empty())
          text += fmt::format(" {:>22}", points(interval(d)));
      text += "\n";
    }
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
    text += summary_table(data.cells, data.run, data.units);
  }
  text += far_use_text(data) + retrieval_text(data) + other_tables(data.records, data.units);
  if (const Table reach = reach_table(data); with_curves && !reach.rows.empty())
    text += "\n" + text_table(reach, 80);
  for (char& c : text)  // names come from a file: none of them may steer the terminal
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = '?';
  return text;
}

}  // namespace ropewalk
