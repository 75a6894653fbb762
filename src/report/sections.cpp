// SPDX-License-Identifier: Apache-2.0
#include "report/sections.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace rw {
namespace {

std::string number(double x) { return std::isfinite(x) ? fmt::format("{:.4f}", x) : "none"; }

std::string seconds_text(double seconds) {
  return seconds < 10 ? fmt::format("{:.2f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

double peak_megabytes(const ReportData& data, const std::string& method, Index length) {
  std::size_t most = 0;
  for (const Record& r : data.records)
    if (gives_verdicts(r.task) && r.method == method && r.length == length)
      most = std::max(most, r.peak_bytes);
  return static_cast<double>(most) / 1e6;
}

std::vector<Index> tail_lengths(const ReportData& data) {
  std::vector<Index> lengths;
  for (const SummaryCell& c : data.cells)
    if (lengths.empty() || lengths.back() != c.length) lengths.push_back(c.length);
  return lengths;
}

/// What an inconclusive verdict still needs: in the cell, and precisely on hover.
std::string documents_text(const Verdict& v) {
  return v.documents_needed == 0 ? "" : "\n(" + more_text(v) + ")";
}
std::string documents_hover(const Verdict& v) {
  if (v.documents_needed == 0) return "";
  if (v.documents_needed >= kManyDocuments)
    return fmt::format("; more than {} would decide: it lies on the border", kManyDocuments - 1);
  return fmt::format("; about {} more would decide, {} in all", v.more_documents, v.documents_needed);
}

Cell verdict_cell(const SummaryCell& cell) {
  const Interval& d = cell.difference;
  const Verdict& v = cell.verdict;
  const bool less_read = v.word == "less read";
  std::string difference = difference_text(d);
  if (d.low && std::isfinite(d.mean))  // a bootstrap's ends may lean: the farther one
    difference +=
        fmt::format("{}\u00b1 {:.3f}", less_read ? "\n" : " ", std::max(d.mean - *d.low, *d.high - d.mean));
  if (less_read) return {difference, "less"};
  // A class of the page: one word; what was only seen has no colour.
  const std::string look = v.seen_only || !v.judged() ? "seen" : v.word == "not worse" ? "stable" : v.word;
  return {fmt::format("{}\n{}{}", v.shown(), difference, documents_text(v)), look,
          cell.resolved + documents_hover(v)};
}

/// Which of both intervals: each difference has as many documents as it was measured on.
std::string interval_kind(const ReportData& data) {
  bool few = false, many = false;
  for (const SummaryCell& c : data.cells)
    if (c.difference.low) (c.difference.n < kBootstrapFrom ? few : many) = true;
  if (data.units.n() < 3) return "; too few for an interval";
  if (!few && !many) return "";  // the run is not finished: what differences are taken from is missing
  if (few && many) return fmt::format(", with a 95 % interval (t below {}, else bootstrap)", kBootstrapFrom);
  return many ? ", with a 95 % bootstrap interval" : ", with a 95 % t-interval";
}

}  // namespace

std::string interval_text(const Interval& i, bool sign) {
  auto one = [&](double x) {
    return !std::isfinite(x) ? std::string("none")
           : sign            ? fmt::format("{:+.3f}", x)
                             : fmt::format("{:.3f}", x);
  };
  if (!std::isfinite(i.mean)) return one(i.mean);
  return i.low ? fmt::format("{} ({} to {})", one(i.mean), one(*i.low), one(*i.high)) : one(i.mean);
}

Table verdict_grid(const ReportData& data) {
  Table table{"", {"method"}, {}};
  const std::vector<Index> lengths = tail_lengths(data);
  if (lengths.empty()) return table;
  const Index reference = reference_length(data.cells, data.run);
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
      row.push_back(verdict_cell(*cell));
    }
    if (any) table.rows.push_back(std::move(row));
  }
  return table;
}

std::string verdict_note(const ReportData& data) {
  std::string text;
  for (const std::string& line : legend_of(data.cells)) text += (text.empty() ? "" : " ") + line;
  return text;
}

std::string reach_note(const Table& table) {
  const auto has = [&](const char* name) {
    return std::find(table.head.begin(), table.head.end(), name) != table.head.end();
  };
  std::string text;
  if (has("breaks at"))
    text +=
        "Breaks at: the least length where the loss degrades or explodes. Holds to: every judged length up "
        "to it was shown not to be worse by the margin. ";
  if (has("used to")) text += "Used to: another far text costs loss. ";
  if (has("retrieves to"))
    text +=
        "Retrieves to: 0.85 of what the model finds in short texts; RULER's bar is 85.6 % whatever the "
        "model. Cannot tell: the model finds under 20 % even in short texts. ";
  const bool breaks = has("breaks at"), others = table.head.size() > (breaks ? 2u : 1u);
  if (breaks) text += "A dash under breaks at: at no tested length";
  if (others)
    text += breaks ? "; under the others: not even at the shortest" : "A dash: not even at the shortest";
  return text + ".";
}

Table reach_table(const ReportData& data) {
  const std::vector<Reach> all = reaches(data);
  const auto any = [&](bool Reach::*known) {
    return std::any_of(all.begin(), all.end(), [&](const Reach& r) { return r.*known; });
  };
  const bool use = any(&Reach::use_known),
             retrieval = any(&Reach::retrieval_known) || any(&Reach::cannot_tell);
  Table table{"", {"method"}, {}};
  const bool judged = any(&Reach::judged);
  if (judged) table.head.insert(table.head.end(), {"breaks at", "holds to"});
  if (use) table.head.push_back("used to");
  if (retrieval) table.head.insert(table.head.end(), {"retrieves to", "by RULER's 85.6"});
  if (table.head.size() == 1) return table;
  const auto length = [](std::optional<Index> n, bool known = true) {
    return Cell{n ? k_tokens(*n) : known ? "\u2013" : "", "number"};
  };
  const auto found = [&](const Reach& r, std::optional<Index> n) {
    return r.cannot_tell && !r.retrieval_known ? Cell{"cannot tell", "number"} : length(n, r.retrieval_known);
  };
  for (const Reach& r : all) {
    std::vector<Cell> row{{r.method, "name"}};
    if (judged) row.push_back(length(r.breaks_at)), row.push_back(length(r.holds_to));
    if (use) row.push_back(length(r.used_to, r.use_known));
    if (retrieval) {
      row.push_back(found(r, r.retrieves_to));
      row.push_back(found(r, r.ruler_to));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table numbers_table(const ReportData& data) {
  Table table{"",
              {"tokens", "method", "loss", "perplexity", "bits/byte", "difference (95 %)",
               "from plain RoPE (95 %)", "n", "tokens/s"},
              {}};
  for (const SummaryCell& c : data.cells)
    table.rows.push_back(
        {{k_tokens(c.length), "number"},
         {c.method, "name"},
         {number(c.loss.mean), "number"},
         {std::isfinite(c.loss.mean) ? fmt::format("{:.4g}", std::exp(c.loss.mean)) : "none", "number"},
         {std::isfinite(c.bits_per_byte) ? fmt::format("{:.3f}", c.bits_per_byte) : "", "number"},
         {interval_text(c.difference, true), "number"},
         {c.versus_plain ? interval_text(*c.versus_plain, true) : "", "number"},
         {fmt::format("{}", c.loss.n), "number"},
         {fmt::format("{:.0f}", c.tokens_per_second), "number"}});
  return table;
}

std::string how_measured(const ReportData& data) {
  const RunInfo& run = data.run;
  return fmt::format(
      "{} last {} tokens of {}, scored under growing context. Difference: from plain RoPE told only the "
      "last {} tokens, paired by document{}{}. Stable: shown to lie within {:g} nats, {}; not worse: shown "
      "to lie below +{:g}.",
      asks_for_masked(data) ? "Masked tokens, 15 % of the" : "The", run.tail, data.units.scope(),
      data.cells.empty() ? "" : k_tokens(reference_length(data.cells, run)),
      data.units.by_text() && data.units.n_documents() > data.units.n_texts() ? ", of each text the mean"
                                                                              : "",
      interval_kind(data), run.margin, margin_as_perplexity(run.margin), run.margin);
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
        series.points.push_back({key.second, t_interval(unit_means(values, data.units)).mean});
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

const char* cost_title(const RunInfo& run) { return was_remote(run) ? "Time waited for" : "Time and memory"; }

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

}  // namespace rw
