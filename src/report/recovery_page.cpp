// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "report/page_frame.h"
#include "report/recovery_tables.h"

namespace rw {
namespace {

bool has_points(const std::vector<ChartSeries>& curves) {
  for (const ChartSeries& curve : curves)
    if (!curve.points.empty()) return true;
  return false;
}

std::string curve_section(const char* id, const std::string& heading, const std::vector<ChartSeries>& curves,
                          const ChartOptions& options, const std::string& note) {
  if (!has_points(curves)) return "";
  return fmt::format("<section id='{}'><h2>{}</h2>{}<p class='note'>{}</p></section>\n", id,
                     escape_html(heading), html_chart(curves, options), escape_html(note));
}

struct TimeUnit {
  const char* name;
  double seconds;
};
TimeUnit unit_of(const Recovery& r) {
  double most = 0;
  for (const StartRecovery& start : r.starts)
    for (const RecoveryAt& look : start.at) most = std::max(most, look.seconds.value_or(0));
  return most < 120    ? TimeUnit{"seconds", 1}
         : most < 7200 ? TimeUnit{"minutes", 60}
                       : TimeUnit{"hours", 3600};
}

std::string curves_of(const Recovery& r) {
  const auto number = [](Index x) { return fmt::format("{}", x); };
  ChartOptions options{.title = "loss against steps",
                       .x_title = "steps",
                       .y_title = "loss, nats per token",
                       .linear_x = true,
                       .x_label = number,
                       .bands = true};
  std::string html = curve_section("steps", fmt::format("Loss at {} against steps", k_tokens(r.length)),
                                   long_loss_curves(r, Across::kSteps), options,
                                   "Bands: 95 % interval of the difference from truncation, paired by "
                                   "document. Level lines: what is to be "
                                   "passed.");
  const TimeUnit unit = unit_of(r);
  options.title = "loss against time", options.x_title = fmt::format("{} of training", unit.name);
  options.x_label = [unit](Index x) { return fmt::format("{:.2g}", static_cast<double>(x) / unit.seconds); };
  html += curve_section("time", fmt::format("Loss at {} against time", k_tokens(r.length)),
                        long_loss_curves(r, Across::kSeconds), options,
                        "Time of training on this machine; the looks between are not counted.");
  options.title = "loss at the original length", options.x_title = "steps", options.x_label = number;
  html += curve_section("short", fmt::format("Loss at {}, the original length", k_tokens(r.n_ctx_train)),
                        short_loss_curves(r), options,
                        "What training for the long length costs, or gives, at the original one. Bands: 95 % "
                        "interval of the difference from plain RoPE before training.");
  options.title = "keys found", options.y_title = "keys found, %", options.format = "{:.0f} %";
  return html +
         curve_section("found", fmt::format("Keys found at {}", k_tokens(r.length)), found_curves(r), options,
                       "Mean over texts or stretches; bands: Wilson's 95 % interval of as many answers.");
}

std::string tables_of(const Recovery& r) {
  std::string html = "<section id='passes'><h2>When each start passes what</h2>" +
                     html_table(passes_table(r)) + "<p class='note'>";
  for (const std::string& note : recovery_notes(r)) html += escape_html(note) + " ";
  html += "</p></section>\n<section id='looks'><h2>All looks</h2>";
  for (const StartRecovery& start : r.starts) {
    Table table = looks_table(r, start);
    if (start.start.method != start.start.name) table.caption += ": " + start.start.method;
    html += html_table(table);
  }
  return html + "</section>\n";
}

}  // namespace

std::string recovery_page(const Recovery& recovery, const RecoveryOrigin& origin) {
  const std::vector<std::string> answer = recovery_answer(recovery);
  std::string html = "<p class='answer'>" + escape_html(answer[0]) + "</p><ul class='because'>";
  for (std::size_t i = 1; i < answer.size(); ++i) html += "<li>" + escape_html(answer[i]) + "</li>";
  html += "</ul>\n" + curves_of(recovery) + tables_of(recovery) +
          "<section id='origin'><h2>How it was made</h2><p><code>" + escape_html(origin.command) +
          "</code></p>";
  for (const std::string& line : origin.lines) html += "<p class='note'>" + escape_html(line) + "</p>";
  html += fmt::format("<p class='note'>Model {}, id <code>{}</code>.</p></section>\n",
                      escape_html(origin.model), escape_html(origin.model_id));
  const std::string title =
      recovery.starts.size() == 1
          ? fmt::format("{}: {} trained at {}", origin.model, recovery.starts[0].start.name,
                        k_tokens(recovery.length))
          : fmt::format("{}: which start recovers first at {}?", origin.model, k_tokens(recovery.length));
  return html_page("ropewalk: recovery of " + origin.model, title, html);
}

}  // namespace rw
