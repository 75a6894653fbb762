// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "report/report.h"
#include "results/reach.h"

namespace rw {
namespace {

/// RFC 4180. A text that begins like a formula would be run by a spreadsheet: a model could write one.
std::string quoted(std::string text) {
  if (!text.empty() && std::string("=+-@\t\r").find(text[0]) != std::string::npos) text = "'" + text;
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string safe = "\"";
  for (char c : text) safe += c == '"' ? "\"\"" : std::string(1, c);
  return safe + "\"";
}

/// Empty where there is no number.
std::string number(double x) { return std::isfinite(x) ? fmt::format("{}", x) : ""; }
std::string number(const std::optional<double>& x) { return x ? number(*x) : ""; }

}  // namespace

std::string csv_report(const ReportData& data) {
  std::vector<std::string> names;
  for (const Record& r : data.records)
    for (const auto& [name, value] : r.values)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  std::string csv =
      "task,part,method,resolved,document,length,achieved,position_begin,position_end,seed,depth,n_targets,"
      "loss,"
      "score";
  for (const std::string& name : names) csv += "," + quoted(name);
  csv += ",written,expected,seconds,peak_bytes,shared,verdict,date,command,n_layers,n_acting_layers\r\n";
  const std::string layers =
      data.run.n_layers > 0 ? fmt::format("{},{}", data.run.n_layers, data.run.n_acting_layers) : ",";
  for (const Record& r : data.records) {
    csv += fmt::format("{},{},{},{},{},{},{},", quoted(r.task), quoted(r.part), quoted(r.method),
                       quoted(r.resolved), quoted(r.document), r.length, r.achieved);
    csv += r.position_end > 0 ? fmt::format("{},{},", r.position_begin, r.position_end) : ",,";
    csv += fmt::format("{},{},{},{},{}", r.seed, number(r.depth), r.n_targets,
                       r.n_targets > 0 ? number(r.loss) : "", number(r.score));
    for (const std::string& name : names) csv += "," + number(value_of(r, name));
    const SummaryCell* cell = gives_verdicts(r.task) ? cell_at(data, r.method, r.length) : nullptr;
    csv += fmt::format(",{},{},{},{},{},{},{},{},{}\r\n", quoted(r.written), quoted(r.expected),
                       number(r.seconds), r.peak_bytes, r.shared ? 1 : 0,
                       cell ? quoted(cell->verdict.shown()) : "", quoted(r.date),
                       quoted(r.command.empty() ? data.run.command : r.command), layers);
  }
  return csv;
}

}  // namespace rw
