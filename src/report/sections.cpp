// SPDX-License-Identifier: Apache-2.0
#include "report/sections.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ropewalk {
namespace {

std::string number(double x) { return std::isfinite(x) ? fmt::format("{:.4f}", x) : "none"; }

std::string seconds_text(double seconds) {
  return seconds < 10 ? fmt::format("{:.2f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

double peak_megabytes(const ReportData& data, const std::string& method, Index length) {
  std::size_t most = 0;
  for (const Record& r : data.records)
    if (r.task == "tail" && r.method == method && r.length == length) most = std::max(most, r.peak_bytes);
  return static_cast<double>(most) / 1e6;
}

std::vector<Index> tail_lengths(const ReportData& data) {
  std::vector<Index> lengths;
  for (const SummaryCell& c : data.cells)
    if (lengths.empty() || lengths.back() != c.length) lengths.push_back(c.length);
  return lengths;
}

}  // namespace

std::string interval_text(const Interval& i, bool sign) {
  auto one = [&](double x) {
    return !std::isfinite(x) ? std::string("none")
           : sign            ? fmt::format("{:+.3f}", x)
                             : fmt::format("{:.3f}", x);
  };
  return i.low ? fmt::format("{} ({} to {})", one(i.mean), one(*i.low), one(*i.high)) : one(i.mean);
}

Table verdict_grid(const ReportData& data) {
  Table table{"", {"method"}, {}};
  const std::vector<Index> lengths = tail_lengths(data);
  if (lengths.empty()) return table;
  const Index reference = std::min(data.run.n_ctx_train, lengths.back());
  for (Index length : lengths)
    table.head.push_back(k_tokens(length) + (length < reference ? " (less read)" : ""));
  for (const std::string& method : methods_of(data)) {
    std::vector<Cell> row{{method, "name"}};
    bool any = false;
    for (Index length : lengths) {
      const SummaryCell* cell = cell_at(data, method, length);
      if (!cell) {
        row.push_back({""});
        continue;
      }
      any = true;
      const Interval& d = cell->difference;
      std::string difference = std::isfinite(d.mean) ? fmt::format("{:+.3f}", d.mean) : "no number";
      if (d.low && std::isfinite(d.mean))
        difference += fmt::format("{}\u00b1 {:.3f}", length < reference ? "\n" : " ", d.mean - *d.low);
      const std::string note = cell->verdict.note.empty() ? "" : " (" + cell->verdict.note + ")";
      if (length < reference)
        row.push_back({difference, "less"});
      else
        row.push_back({fmt::format("{}{}\n{}", cell->verdict.shown(), note, difference), cell->verdict.word,
                       cell->resolved});
    }
    if (any) table.rows.push_back(std::move(row));
  }
  return table;
}

Table reach_table(const ReportData& data) {
  const std::vector<Reach> all = reaches(data);
  const auto any = [&](bool Reach::*known) {
    return std::any_of(all.begin(), all.end(), [&](const Reach& r) { return r.*known; });
  };
  const bool use = any(&Reach::use_known), retrieval = any(&Reach::retrieval_known);
  Table table{"", {"method"}, {}};
  if (!data.cells.empty()) table.head.insert(table.head.end(), {"breaks at", "stable to"});
  if (use) table.head.push_back("used to");
  if (retrieval) table.head.insert(table.head.end(), {"retrieves to", "by RULER's 85.6"});
  if (table.head.size() == 1) return table;
  const auto length = [](std::optional<Index> n, bool known = true) {
    return Cell{n ? k_tokens(*n) : known ? "\u2013" : "", "number"};
  };
  for (const Reach& r : all) {
    std::vector<Cell> row{{r.method, "name"}};
    if (!data.cells.empty()) row.push_back(length(r.breaks_at)), row.push_back(length(r.stable_to));
    if (use) row.push_back(length(r.used_to, r.use_known));
    if (retrieval) {
      row.push_back(length(r.retrieves_to, r.retrieval_known));
      row.push_back(length(r.ruler_to, r.retrieval_known));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table numbers_table(const ReportData& data) {
  Table table{"",
              {"tokens", "method", "loss", "perplexity", "difference (95 %)", "from plain RoPE (95 %)",
               "documents", "tokens/s"},
              {}};
  for (const SummaryCell& c : data.cells)
    table.rows.push_back(
        {{k_tokens(c.length), "number"},
         {c.method, "name"},
         {number(c.loss.mean), "number"},
         {std::isfinite(c.loss.mean) ? fmt::format("{:.4g}", std::exp(c.loss.mean)) : "none", "number"},
         {interval_text(c.difference, true), "number"},
         {c.versus_plain ? interval_text(*c.versus_plain, true) : "", "number"},
         {fmt::format("{}", c.loss.n), "number"},
         {fmt::format("{:.0f}", c.tokens_per_second), "number"}});
  return table;
}

std::string how_measured(const ReportData& data) {
  const RunInfo& run = data.run;
  return fmt::format(
      "The last {} tokens of {} document{}, scored under growing context. Difference: from plain RoPE told "
      "only the "
      "last {} tokens, paired by document{}. Stable: within {:g} nats, {:.2g} % of perplexity.",
      run.tail, data.n_documents, data.n_documents == 1 ? "" : "s",
      data.cells.empty() ? "" : k_tokens(std::min(run.n_ctx_train, data.cells.back().length)),
      data.n_documents < 3 ? "; too few documents for an interval, so a verdict has ~ in front"
                           : ", with a 95 % t-interval",
      run.margin, 100 * (std::exp(run.margin) - 1));
}

std::vector<ChartSeries> loss_series(const ReportData& data) {
  std::vector<ChartSeries> result;
  const std::vector<std::string> methods = methods_of(data);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    ChartSeries series{methods[m], m, {}};
    for (const SummaryCell& c : data.cells)
      if (c.method == methods[m]) {
        const Interval shown = paired_loss(data, c);
        series.points.push_back({c.length, shown.mean, shown.low, shown.high});
      }
    if (!series.points.empty()) result.push_back(std::move(series));
  }
  return result;
}

std::vector<ChartSeries> position_series(const ReportData& data) {
  std::map<std::pair<std::string, Index>, ByDocument> losses;  // by method and end of the bucket
  for (const Record& r : data.records)
    if (r.task == "positions" && r.position_end > 0)
      losses[{r.method, r.position_end}][r.document].push_back(r.loss);
  std::vector<ChartSeries> result;
  const std::vector<std::string> methods = methods_of(data);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    ChartSeries series{methods[m], m, {}};
    // Without intervals: here documents differ more than methods, and would hide them.
    for (const auto& [key, values] : losses)
      if (key.first == methods[m])
        series.points.push_back({key.second, t_interval(document_means(values)).mean});
    if (!series.points.empty()) result.push_back(std::move(series));
  }
  return result;
}

std::vector<ChartSeries> cost_series(const ReportData& data, Cost cost) {
  std::vector<ChartSeries> result;
  const std::vector<std::string> methods = methods_of(data);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    if (is_baseline(methods[m])) continue;
    ChartSeries series{methods[m], m, {}};
    for (Index length : tail_lengths(data)) {
      const double value = cost == Cost::kSeconds ? seconds_of(data, methods[m], length).value_or(0)
                                                  : peak_megabytes(data, methods[m], length);
      if (value > 0) series.points.push_back({length, value});
    }
    if (!series.points.empty()) result.push_back(std::move(series));
  }
  return result;
}

Table cost_table(const ReportData& data) {
  Table table{"", {"method"}, {}};
  const std::vector<Index> lengths = tail_lengths(data);
  for (Index length : lengths) table.head.push_back(k_tokens(length));
  for (const std::string& method : methods_of(data)) {
    if (is_baseline(method)) continue;
    std::vector<Cell> row{{method, "name"}};
    bool any = false;
    for (Index length : lengths) {
      const auto seconds = seconds_of(data, method, length), plain = seconds_of(data, kPlain, length);
      std::string text = seconds ? seconds_text(*seconds) : "";
      if (seconds && plain && method != kPlain) text += fmt::format(" (x {:.2f})", *seconds / *plain);
      if (const double peak = peak_megabytes(data, method, length); peak > 0)
        text += fmt::format("{}{:.0f} MB", text.empty() ? "" : ", ", peak);
      any = any || !text.empty();
      row.push_back({text, "number"});
    }
    if (any) table.rows.push_back(std::move(row));
  }
  return table;
}

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
      const std::vector<double> truth = document_means(by_part["true"]);
      std::vector<Cell> row{{k_tokens(length)}, {method, "name"}};
      row.push_back({truth.empty() ? "" : fmt::format("{:.3f}", t_interval(truth).mean), "number"});
      for (const std::string& part : parts) {
        const std::vector<double> values =
            is_loss(part) ? document_means(by_part[part]) : paired_difference(by_part[part], by_part["true"]);
        row.push_back({values.empty()  ? ""
                       : is_loss(part) ? fmt::format("{:.3f}", t_interval(values).mean)
                                       : interval_text(t_interval(values), true),
                       "number"});
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

Table resolved_table(const ReportData& data) {
  Table table{"", {"method", "with all its parameters, at the greatest length"}, {}};
  for (const std::string& method : methods_of(data)) {
    if (is_baseline(method)) continue;
    const Record* longest = nullptr;
    for (const Record& r : data.records)
      if (r.method == method && (!longest || r.length > longest->length)) longest = &r;
    if (longest && longest->resolved != method)
      table.rows.push_back({{method, "name"}, {longest->resolved, "formula"}});
  }
  return table;
}

Table method_table(const ReportData& data) {
  Table table{"", {"method", "what it does", "formula", "source"}, {}};
  for (const MethodNote& note : data.notes)
    table.rows.push_back(
        {{note.name, "name"}, {note.title}, {note.formula, "formula"}, {note.source, "source"}});
  return table;
}

}  // namespace ropewalk
