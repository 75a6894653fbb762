// SPDX-License-Identifier: Apache-2.0
/// Is the far text used? The table of the far-use task, and what it rests on.
#include <algorithm>
#include <set>

#include "core/error.h"
#include "report/sections.h"

namespace rw {

Table far_use_table(const ReportData& data) {
  std::map<Index, std::map<std::string, std::map<std::string, ByDocument>>> losses;  // length, method, part
  std::vector<std::string> parts;
  for (const Record& r : data.records) {
    if (r.task != "far-use" || r.part.empty() || r.n_targets == 0) continue;
    losses[r.length][r.method][r.part][r.document].push_back(r.loss);
    if (r.part != "true" && std::find(parts.begin(), parts.end(), r.part) == parts.end())
      parts.push_back(r.part);
  }
  // A changed far text is shown by what it costs; tokens that repeat the far text (copy) by their own loss.
  auto is_loss = [](const std::string& part) { return part.rfind("copy", 0) == 0; };
  Table table{"", {"tokens", "method", "true"}, {}};
  for (const std::string& part : parts) table.head.push_back(is_loss(part) ? part : part + " \u2212 true");
  for (auto& [length, by_method] : losses)
    for (const std::string& method : methods_of(data)) {
      const auto found = by_method.find(method);
      if (found == by_method.end()) continue;
      std::map<std::string, ByDocument>& by_part = found->second;
      const std::vector<double> truth = unit_means(by_part["true"], data.units);
      std::vector<Cell> row{{k_tokens(length)}, {method, "name"}};
      row.push_back({truth.empty() ? "" : fmt::format("{:.3f}", t_interval(truth).mean), "number"});
      for (const std::string& part : parts) {
        const std::vector<double> values =
            is_loss(part) ? unit_means(by_part[part], data.units)
                          : paired_difference(by_part[part], by_part["true"], data.units);
        row.push_back({values.empty()  ? ""
                       : is_loss(part) ? fmt::format("{:.3f}", t_interval(values).mean)
                                       : interval_text(interval(values), true),
                       "number"});
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

std::string far_use_note(const ReportData& data) {
  std::map<Index, std::map<std::string, std::set<std::string>>> parts;  // by length and document
  for (const Record& r : data.records)
    if (r.task == "far-use" && r.n_targets > 0 && !is_baseline(r.method))
      parts[r.length][r.document].insert(r.part);
  std::string text = fmt::format(
      "Far is what lies before the last {} tokens, or before the last half where that is shorter. Swapped: "
      "{} "
      "in its place; shuffled: its sentences in another order; copy: the loss of the "
      "tokens that the far text could be copied for. Swapped \u2212 true above 0, with its interval: the far "
      "text is used.",
      k_tokens(data.run.n_ctx_train),
      data.units.by_text() ? "another text"
                           : "another stretch of the same text, so of the same style and names");
  for (const auto& [length, documents] : parts) {
    std::size_t swapped = 0, changed = 0;
    for (const auto& [document, own] : documents)
      swapped += own.contains("swapped"), changed += own.size() > 1;
    const std::string at = " At " + k_tokens(length);
    if (changed == 0)
      text += at + " the true text alone was read: its far part would reach into the scored tokens.";
    else if (swapped == 0)
      text += at +
              " nothing was swapped, so use is not shown: there was one document only, or the next one "
              "is too short.";
    else if (swapped < documents.size())
      text += at + fmt::format(" {} of {} documents were swapped: for the others the next one is too short.",
                               swapped, documents.size());
  }
  return text;
}

}  // namespace rw
